-- One row per GPU that has, or had, an offer.
-- gpu_id | the accelerator
-- name | full name
-- vendor | the maker of the chip
-- architecture | chip architecture
-- form_factor | SXM5, PCIe, NVL, OAM, ...
-- is_coarse | true for a name without variant: it covers several chips, with the fields they share
-- released_on | release date [date]
-- memory_gigabytes | memory [GB]
-- bandwidth_terabytes_per_second | memory bandwidth [TB/s]
-- board_power_watts | board or module power limit [W]
-- source_url | main source; meta.reference_value has one for each figure
-- offer_count | current offers
select
    g.gpu_id, g.name, g.vendor, g.architecture, g.form_factor, g.is_coarse, g.released_on,
    g.memory_bytes / 1e9 as memory_gigabytes,
    g.bandwidth_bytes_per_second / 1e12 as bandwidth_terabytes_per_second,
    g.board_power_watts, g.source_url, count(o.offer_key) as offer_count
from core.gpu as g
left join marts.offers_latest as o on g.gpu_id = o.gpu_id
where o.offer_key is not null or g.gpu_id in (
    select gpu_id from marts.gpu_price_daily where median_usd_per_gpu_hour is not null
)
group by all
order by offer_count desc, g.gpu_id

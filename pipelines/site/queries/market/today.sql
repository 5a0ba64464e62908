-- One row per GPU and purchase model, on the newest day.
-- gpu_id | the accelerator
-- purchase_model | on_demand, spot, reserved or capacity_block
-- median_usd_per_gpu_hour | median of the providers' medians [USD/(GPU h)]
-- p10_usd_per_gpu_hour | 10th percentile of the providers' medians [USD/(GPU h)]
-- p90_usd_per_gpu_hour | 90th percentile of the providers' medians [USD/(GPU h)]
-- min_usd_per_gpu_hour | cheapest single offer [USD/(GPU h)]
-- provider_count | independent providers behind the value
-- offer_count | offers behind the value
-- day | the day, with the prices at its end [UTC date]
-- oldest_seen_on | the earliest day on which a source behind the value last answered [date]
-- architecture | chip architecture
-- form_factor | SXM5, PCIe, NVL, OAM, ...
-- is_coarse | true for a name without variant: it covers several chips, with the fields they share
select
    d.gpu_id, d.purchase_model, d.median_usd_per_gpu_hour, d.p10_usd_per_gpu_hour,
    d.p90_usd_per_gpu_hour, d.min_usd_per_gpu_hour, d.provider_count, d.offer_count,
    d.day, d.oldest_seen_on, g.architecture, g.form_factor, g.is_coarse
from marts.gpu_price_daily as d
left join core.gpu as g on d.gpu_id = g.gpu_id
where d.market_family = 'all' and d.commitment_months is null
    and d.median_usd_per_gpu_hour is not null
    and d.day = (select max(day) from marts.gpu_price_daily)
order by d.provider_count desc, d.offer_count desc, d.gpu_id

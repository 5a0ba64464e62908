-- One row per GPU that can be rented on demand now: its cheapest offer anywhere, and its prices by market in the US.
-- gpu_id | the accelerator
-- gpu_class | data_center, workstation or consumer
-- architecture | chip architecture
-- is_coarse | true for a name without variant: it covers several chips, with the fields they share
-- link_kind | NVLink, xGMI, ICI or PCIe
-- memory_gigabytes | memory [GB]
-- cheapest_usd_per_gpu_hour | its cheapest offer that is fresh and not sold out [USD/(GPU h)]
-- cheapest_provider_id | who asks that
-- cheapest_provider_name | full name of that provider
-- age_hours | age of that offer at the build [h]
-- provider_count | providers with such an offer
-- offer_count | such offers
-- neocloud_usd_per_gpu_hour | middle of the neoclouds; null under three providers [USD/(GPU h)]
-- neocloud_low | lower end of the 80 % interval of that middle [USD/(GPU h)]
-- neocloud_high | upper end of it [USD/(GPU h)]
-- neocloud_provider_count | neoclouds with a fresh price
-- marketplace_usd_per_gpu_hour | middle of the marketplaces; null under three providers [USD/(GPU h)]
-- marketplace_low | lower end of the 80 % interval of that middle [USD/(GPU h)]
-- marketplace_high | upper end of it [USD/(GPU h)]
-- marketplace_provider_count | marketplaces with a fresh price
-- hyperscaler_usd_per_gpu_hour | middle of the hyperscalers; null under three providers [USD/(GPU h)]
-- hyperscaler_low | lower end of the 80 % interval of that middle [USD/(GPU h)]
-- hyperscaler_high | upper end of it [USD/(GPU h)]
-- hyperscaler_provider_count | hyperscalers with a fresh price
-- change_7 | how the neoclouds' offers moved that stood 7 days before, too; null below three providers [1]
-- change_30 | the same over 30 days [1]
-- usd_per_pflop_hour | neoclouds' price of dense BF16 at the peak; null under three providers [USD/(PFLOP/s h)]
-- usd_per_pflop_hour_low | the same at the low price [USD/(PFLOP/s h)]
-- usd_per_pflop_hour_high | the same at the high price [USD/(PFLOP/s h)]
-- usd_per_gigabyte_hour | neoclouds' price of memory; null under three providers [USD/(GB h)]
with standing as (
    select
        gpu_id, min(usd_per_gpu_hour) as usd_per_gpu_hour,
        arg_min(provider_id, (usd_per_gpu_hour, provider_id)) as provider_id,
        arg_min(age_hours, (usd_per_gpu_hour, provider_id)) as age_hours,
        count(distinct provider_id) as provider_count, count(*) as offer_count
    from marts.offers_latest
    where
        purchase_model = 'on_demand' and not is_witness and not is_stale
        and is_available is distinct from false
    group by gpu_id
),
market as (
    select
        gpu_id, market_family, provider_count, typical_low_usd_per_gpu_hour as low,
        typical_high_usd_per_gpu_hour as high, middle_usd_per_gpu_hour as usd, evidence
    from marts.gpu_price_now
    where
        purchase_model = 'on_demand' and commitment_months is null and reference_region = 'us'
        and market_family <> 'all'
),
priced as (
    select
        gpu_id,
        max(usd) filter (market_family = 'neocloud' and evidence = 'market') as neocloud,
        max(low) filter (market_family = 'neocloud' and evidence = 'market') as neocloud_low,
        max(high) filter (market_family = 'neocloud' and evidence = 'market') as neocloud_high,
        max(provider_count) filter (market_family = 'neocloud') as neocloud_count,
        max(usd) filter (market_family = 'marketplace' and evidence = 'market') as marketplace,
        max(low) filter (market_family = 'marketplace' and evidence = 'market') as marketplace_low,
        max(high) filter (market_family = 'marketplace' and evidence = 'market') as marketplace_high,
        max(provider_count) filter (market_family = 'marketplace') as marketplace_count,
        max(usd) filter (market_family = 'hyperscaler' and evidence = 'market') as hyperscaler,
        max(low) filter (market_family = 'hyperscaler' and evidence = 'market') as hyperscaler_low,
        max(high) filter (market_family = 'hyperscaler' and evidence = 'market') as hyperscaler_high,
        max(provider_count) filter (market_family = 'hyperscaler') as hyperscaler_count
    from market
    group by gpu_id
),
moved as (
    select
        gpu_id,
        max(change_fraction) filter (horizon_days = 7) as change_7,
        max(change_fraction) filter (horizon_days = 30) as change_30
    from marts.gpu_price_change
    where
        purchase_model = 'on_demand' and commitment_months is null and reference_region = 'us'
        and market_family = 'neocloud'
    group by gpu_id
),
cost as (
    select
        gpu_id, usd_per_exaflop_peak * 3.6 as usd_per_pflop_hour,
        usd_per_gpu_hour_low / usd_per_gpu_hour as low_share,
        usd_per_gpu_hour_high / usd_per_gpu_hour as high_share
    from marts.cost_per_flop
    where
        is_default_basis and purchase_model = 'on_demand' and commitment_months is null
        and precision = 'bf16' and evidence = 'market'
)
select
    s.gpu_id, g.gpu_class, g.architecture, coalesce(g.is_coarse, false) as is_coarse, g.link_kind,
    g.memory_bytes / 1e9 as memory_gigabytes,
    s.usd_per_gpu_hour as cheapest_usd_per_gpu_hour, s.provider_id as cheapest_provider_id,
    coalesce(v.name, s.provider_id) as cheapest_provider_name, s.age_hours,
    s.provider_count, s.offer_count,
    p.neocloud as neocloud_usd_per_gpu_hour, p.neocloud_low, p.neocloud_high,
    coalesce(p.neocloud_count, 0) as neocloud_provider_count,
    p.marketplace as marketplace_usd_per_gpu_hour, p.marketplace_low, p.marketplace_high,
    coalesce(p.marketplace_count, 0) as marketplace_provider_count,
    p.hyperscaler as hyperscaler_usd_per_gpu_hour, p.hyperscaler_low, p.hyperscaler_high,
    coalesce(p.hyperscaler_count, 0) as hyperscaler_provider_count,
    m.change_7, m.change_30, c.usd_per_pflop_hour,
    c.usd_per_pflop_hour * c.low_share as usd_per_pflop_hour_low,
    c.usd_per_pflop_hour * c.high_share as usd_per_pflop_hour_high,
    p.neocloud / (g.memory_bytes / 1e9) as usd_per_gigabyte_hour
from standing as s
left join core.gpu as g on s.gpu_id = g.gpu_id
left join core.provider as v on s.provider_id = v.provider_id
left join priced as p on s.gpu_id = p.gpu_id
left join moved as m on s.gpu_id = m.gpu_id
left join cost as c on s.gpu_id = c.gpu_id
where s.gpu_id is not null
order by coalesce(g.is_coarse, false), s.provider_count desc, s.offer_count desc, s.gpu_id

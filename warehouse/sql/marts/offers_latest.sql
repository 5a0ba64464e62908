-- One row per offer standing now, as far as its source's last good answer tells.
-- offer_key | stable identity of the offer
-- provider_id | who rents it out
-- source_id | where we read it
-- source_kind | api, page, marketplace or feed: best first
-- gpu_id | the accelerator, null where the printed name is not resolved
-- gpu_name_printed | the name as printed
-- sku | the source's own id
-- region | the provider's own region id
-- country | country of the region, ISO 3166
-- area | canonical area of the region
-- gpu_count | GPUs of the instance [GPU]
-- vcpu_count | virtual CPUs of the instance
-- memory_bytes | main memory of the instance [byte]
-- purchase_model | on_demand, spot, reserved or capacity_block
-- commitment_months | length of the commitment [month]
-- upfront_fraction | share of the commitment paid at the start [1]
-- market_tier | hyperscaler, neocloud, marketplace_secure or marketplace_community
-- market_family | hyperscaler, neocloud or marketplace
-- usd_per_gpu_hour | price of one GPU for one hour [USD/(GPU h)]
-- usd_per_node_hour | price of the whole instance for one hour [USD/h]
-- price_amount | the price as printed
-- currency | currency of the printed price
-- price_basis | what the printed price buys: instance or gpu
-- price_unit | for how long: hour, minute, second, month or term
-- is_available | whether the source says it can be had, null where it does not say
-- valid_from | since when the offer has stood at this price, as far as we saw [UTC]
-- observed_at | the last good answer that held it [UTC]
-- source_time | when the source says it was made, newest of its rows [UTC]
-- age_hours | age of the last good answer at build time [h]
-- is_stale | true over 30 hours after the last good answer, or when a feed's own time is over 72 hours old
-- is_witness | true where a better kind of source prices the same thing of this provider
-- source_url | the address that was asked
-- homepage_url | a page for people
-- source_licence | licence of the source's data
-- payload_sha256 | hash of the bytes the price was read from
-- parser_version | version of the parser that read them
-- check: select offer_key from {this} group by offer_key having count(*) > 1
-- check: select * from {this} where usd_per_gpu_hour is null or usd_per_gpu_hour <= 0
-- check: select * from {this} where observed_at is null
with newest as (
    select max(c.last_good_at) as newest_at
    from staged.scope_latest as c
    where c.source_id in (select source_id from core.offer_open)
),
standing as (
    select
        o.*,
        s.kind_rank,
        s.licence as source_licence,
        s.homepage_url,
        c.last_good_at as observed_at,
        c.source_time,
        n.now_at,
        min(s.kind_rank) over (
            partition by o.provider_id, o.gpu_id, o.purchase_model, o.market_tier
        ) as best_rank
    from core.offer_open as o
    inner join meta.source as s on o.source_id = s.source_id
    inner join staged.scope_latest as c
        on o.source_id = c.source_id and o.request_key = c.request_key
    cross join staged.build_clock as n
    cross join newest as w
    -- An answer of over 7 days before the newest one says nothing about what stands now.
    where c.last_good_at >= w.newest_at - interval 7 day
)
select
    s.offer_key,
    s.provider_id,
    s.source_id,
    s.source_kind,
    s.gpu_id,
    s.gpu_name_printed,
    s.sku,
    s.region,
    r.country,
    r.area,
    s.gpu_count,
    s.vcpu_count,
    s.memory_bytes,
    s.purchase_model,
    s.commitment_months,
    s.upfront_fraction,
    s.market_tier,
    case when s.market_tier like 'marketplace%' then 'marketplace' else s.market_tier end
        as market_family,
    s.usd_per_gpu_hour,
    s.usd_per_gpu_hour * s.gpu_count as usd_per_node_hour,
    s.price_amount,
    s.currency,
    s.price_basis,
    s.price_unit,
    s.is_available,
    s.valid_from,
    s.observed_at,
    s.source_time,
    date_diff('minute', s.observed_at, s.now_at) / 60.0 as age_hours,
    s.observed_at < s.now_at - interval 30 hour
    or coalesce(s.source_kind = 'feed' and s.source_time < s.now_at - interval 72 hour, false)
        as is_stale,
    s.gpu_id is not null and s.kind_rank > s.best_rank as is_witness,
    s.source_url,
    s.homepage_url,
    s.source_licence,
    s.payload_sha256,
    s.parser_version
from standing as s
left join core.region as r on s.provider_id = r.provider_id and s.region = r.region

-- One row per item and month: what an offer that stayed the same thing asked.
-- item_id | hash of what makes two offers the same: provider, sku, region, accelerator, count, contract, tier, source and its method; of a marketplace: provider, accelerator, count class, contract, tier, area, source and its method
-- month | first day of the month [UTC date]
-- provider_id | the provider that rents it out
-- gpu_id | the accelerator
-- purchase_model | on_demand, spot, reserved or capacity_block
-- commitment_months | length of the commitment, null where there is none [month]
-- market_family | hyperscaler, neocloud or marketplace
-- reference_region | us, europe, asia or other; where the source names no place, us
-- is_region_stated | false where the source names no place that is known
-- source_id | the source that prints it
-- sku | the source's own id; null for a marketplace
-- region | the provider's own region id, or the area of a marketplace; null where it names none
-- gpu_count | GPUs of the instance, or the fewest of the count class of a marketplace [GPU]
-- usd_per_gpu_hour | geometric mean over the days on which the source answered; of a marketplace the median of its asks on each of those days [USD/(GPU h)]
-- answer_count | days of the month on which the source answered and the item stood [1]
-- newest_answer_at | the last of those answers [UTC]
-- incremental: month
-- grows by: month
-- check: each row is there once: select item_id, month from {this} group by all having count(*) > 1
-- check: every price is above zero and was answered: select * from {this} where not usd_per_gpu_hour > 0 or answer_count < 1
with touched as (
    select distinct cast(date_trunc('month', day) as date) as month
    from staged.affected_day
    where entity = 'offer'
),
-- The last good answer of each part of a source on each day. An answer or a row that says that it was
-- made in another month tells nothing about this one.
answer as (
    select c.source_id, c.request_key, m.month, max(c.seen_at) as seen_at
    from core.offer_capture as c
    inner join touched as m on cast(date_trunc('month', c.seen_at) as date) = m.month
    left join meta.capture as k
        on c.source_id = k.source_id and c.request_key = k.request_scope and c.seen_at = k.seen_at
            and k.source_time < m.month
    where k.source_id is null
    group by c.source_id, c.request_key, m.month, cast(c.seen_at as date)
),
-- How many times the source had changed its method by then.
dated as (
    select a.source_id, a.request_key, a.month, a.seen_at,
        count(distinct b.break_on) as method_number
    from answer as a
    left join core.method_break as b
        on a.source_id = b.source_id and b.break_on <= cast(a.seen_at as date)
    group by a.source_id, a.request_key, a.month, a.seen_at
),
asked as (
    select
        d.month, d.seen_at, d.method_number, p.source_id, p.provider_id, p.gpu_id,
        p.purchase_model, p.commitment_months, p.upfront_fraction, p.market_tier, p.gpu_count,
        lower(p.sku) as sku, p.region, p.usd_per_gpu_hour,
        p.market_tier like 'marketplace%' as is_marketplace,
        r.area,
        case
            when r.country is null and r.area is null then 'us'
            when r.country = 'US' then 'us'
            when r.area in ('europe', 'asia') then r.area
            else 'other'
        end as reference_region,
        r.country is not null or r.area is not null as is_region_stated
    from dated as d
    inner join core.offer_price as p
        on
            d.source_id = p.source_id and d.request_key = p.request_key
            and p.valid_from <= d.seen_at
            and (p.valid_to is null or p.valid_to > d.seen_at)
    left join core.region as r on p.provider_id = r.provider_id and p.region = r.region
    left join staged.offer_stated as t
        on
            p.source_id = t.source_id and p.request_key = t.request_key
            and p.offer_key = t.offer_key and d.seen_at = t.seen_at
    where
        p.superseded_at is null and p.gpu_id is not null
        and p.is_available is distinct from false
        and (t.source_time is null or t.source_time >= d.month)
),
listed as (
    select
        month, seen_at, provider_id, gpu_id, purchase_model, commitment_months, market_tier,
        reference_region, is_region_stated, source_id, sku, region, gpu_count,
        md5(concat_ws(
            '|', provider_id, sku, coalesce(region, ''), gpu_id, gpu_count, purchase_model,
            coalesce(commitment_months, 0), coalesce(upfront_fraction, 0), market_tier, source_id,
            method_number
        )) as item_id,
        usd_per_gpu_hour
    from asked
    where not is_marketplace
),
-- Machines of a marketplace come and go: the item is a class of them, with five asks at least.
classed as (
    select
        month, seen_at, provider_id, gpu_id, purchase_model, commitment_months, market_tier,
        reference_region, is_region_stated, source_id, method_number,
        coalesce(area, '') as area, usd_per_gpu_hour,
        case when gpu_count >= 8 then 8 when gpu_count >= 4 then 4 when gpu_count >= 2 then 2
            else 1 end as gpu_count
    from asked
    where is_marketplace
),
stratum as (
    select
        month, max(seen_at) as seen_at, provider_id, gpu_id, purchase_model, commitment_months,
        market_tier, reference_region, is_region_stated, source_id, cast(null as varchar) as sku,
        nullif(area, '') as region, gpu_count,
        md5(concat_ws(
            '|', provider_id, area, gpu_id, gpu_count, purchase_model,
            coalesce(commitment_months, 0), market_tier, source_id, method_number
        )) as item_id,
        median(usd_per_gpu_hour) as usd_per_gpu_hour
    from classed
    group by
        month, cast(seen_at as date), provider_id, gpu_id, purchase_model, commitment_months,
        market_tier, reference_region, is_region_stated, source_id, method_number, area, gpu_count
    having count(*) >= 5
),
item as (
    select * from listed
    union all by name
    select * from stratum
)
select
    item_id,
    month,
    min(provider_id) as provider_id,
    min(gpu_id) as gpu_id,
    min(purchase_model) as purchase_model,
    min(commitment_months) as commitment_months,
    min(case when market_tier like 'marketplace%' then 'marketplace' else market_tier end)
        as market_family,
    min(reference_region) as reference_region,
    bool_and(is_region_stated) as is_region_stated,
    min(source_id) as source_id,
    min(sku) as sku,
    min(region) as region,
    cast(min(gpu_count) as integer) as gpu_count,
    -- Rounded: the last digits of a mean depend on the order in which it is summed.
    exp(round(avg(ln(usd_per_gpu_hour)), 12)) as usd_per_gpu_hour,
    count(distinct cast(seen_at as date)) as answer_count,
    max(seen_at) as newest_answer_at
from item
group by item_id, month

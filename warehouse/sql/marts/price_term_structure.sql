-- One row per provider, accelerator, family, part of the world and term: what committing longer saves there, and what the terms imply for later.
-- provider_id | the provider
-- gpu_id | the accelerator
-- market_family | hyperscaler, neocloud or marketplace
-- reference_region | us, europe or asia
-- commitment_months | length of the reservation [month]
-- usd_per_gpu_hour | median price of the reservation there [USD/(GPU h)]
-- usd_per_gpu_month | the same for a month of 730.5 hours [USD/(GPU month)]
-- on_demand_usd_per_gpu_hour | median price of the same machines on demand in the same region, by the same source; null without one [USD/(GPU h)]
-- discount_fraction | what the reservation saves against it, null without one [1]
-- forward_from_months | the next shorter term of this provider, 0 without one: where the forward price begins [month]
-- forward_usd_per_gpu_hour | what both terms imply for the months from there to the end of this term; null where the longer term costs no more in all [USD/(GPU h)]
-- region | the provider's own region that was read; null where there are several
-- gpu_count | GPUs of the machine [GPU]
-- provider_count | providers of the family with this term there
-- matched_provider_count | of them, those with the same machine on demand
-- market_discount_fraction | geometric mean of the providers' discounts; null with fewer than three providers [1]
-- market_forward_usd_per_gpu_hour | geometric mean of their forward prices over the same months; null with fewer than three [USD/(GPU h)]
-- reason | why there is no figure of the market, or no discount; null where all are there
-- oldest_seen_at | when the oldest of the prices was last shown [UTC]
-- source_url | where the reservation was read
-- check: each row is there once: select gpu_id from {this} group by provider_id, gpu_id, market_family, reference_region, commitment_months having count(*) > 1
-- check: prices are above zero and a term costs something: select * from {this} where not usd_per_gpu_hour > 0 or discount_fraction >= 1 or forward_usd_per_gpu_hour <= 0
with reserved as (
    select
        o.provider_id, o.gpu_id, o.market_family, p.reference_region, o.commitment_months, o.region,
        o.sku, o.gpu_count, o.source_id, o.usd_per_gpu_hour, o.seen_at,
        coalesce(o.homepage_url, o.source_url) as source_url
    from marts.offers_latest as o
    inner join marts.provider_price_now as p
        on
            o.provider_id = p.provider_id and o.gpu_id = p.gpu_id
            and o.purchase_model = p.purchase_model
            and o.commitment_months = p.commitment_months
            and o.market_family = p.market_family
            and (p.region is null or o.region = p.region)
            and (p.gpu_count is null or o.gpu_count = p.gpu_count)
            and p.reference_region = case
                when o.country is null and o.area is null or o.country = 'US' then 'us' else o.area
            end
    where
        o.purchase_model = 'reserved' and not o.is_stale and not o.is_witness
        and o.is_available is distinct from false
    qualify coalesce(o.upfront_fraction, 0) = min(coalesce(o.upfront_fraction, 0)) over (
        partition by
            o.provider_id, o.gpu_id, o.market_family, p.reference_region, o.commitment_months
    )
),
on_demand as (
    select
        provider_id, gpu_id, market_family, region, sku, gpu_count, source_id,
        min(usd_per_gpu_hour) as usd_per_gpu_hour
    from marts.offers_latest
    where
        purchase_model = 'on_demand' and not is_stale and not is_witness
        and is_available is distinct from false
    group by provider_id, gpu_id, market_family, region, sku, gpu_count, source_id
),
term as (
    select
        r.provider_id, r.gpu_id, r.market_family, r.reference_region, r.commitment_months,
        median(r.usd_per_gpu_hour) as usd_per_gpu_hour,
        median(d.usd_per_gpu_hour) as on_demand_usd_per_gpu_hour,
        1 - median(r.usd_per_gpu_hour / d.usd_per_gpu_hour) as discount_fraction,
        case when count(distinct r.region) = 1 then min(r.region) end as region,
        max(r.gpu_count) as gpu_count,
        min(r.seen_at) as oldest_seen_at,
        min(r.source_url) as source_url
    from reserved as r
    left join on_demand as d
        on
            r.provider_id = d.provider_id and r.gpu_id = d.gpu_id
            and r.market_family = d.market_family
            and r.region is not distinct from d.region
            and r.sku is not distinct from d.sku and r.gpu_count = d.gpu_count
            and r.source_id = d.source_id
    group by r.provider_id, r.gpu_id, r.market_family, r.reference_region, r.commitment_months
),
shorter as (
    select
        *,
        lag(commitment_months, 1, 0) over by_term as forward_from_months,
        lag(usd_per_gpu_hour, 1, 0.0) over by_term as shorter_usd_per_gpu_hour
    from term
    window by_term as (
        partition by provider_id, gpu_id, market_family, reference_region
        order by commitment_months
    )
),
implied as (
    select
        *,
        forward_price(
            forward_from_months, shorter_usd_per_gpu_hour, commitment_months, usd_per_gpu_hour
        ) as forward
    from shorter
),
counted as (
    select
        *,
        case when forward > 0 then forward end as forward_usd_per_gpu_hour,
        count(*) over cell as provider_count,
        count(discount_fraction) over cell as matched_provider_count,
        1 - exp(avg(ln(1 - discount_fraction)) over cell) as mean_discount,
        count(case when forward > 0 then 1 end) over same_months as forward_provider_count,
        exp(avg(ln(case when forward > 0 then forward end)) over same_months) as mean_forward
    from implied
    window
        cell as (partition by gpu_id, market_family, reference_region, commitment_months),
        same_months as (
            partition by
                gpu_id, market_family, reference_region, commitment_months, forward_from_months
        )
)
select
    provider_id,
    gpu_id,
    market_family,
    reference_region,
    commitment_months,
    usd_per_gpu_hour,
    usd_per_gpu_hour * hours_per_month() as usd_per_gpu_month,
    on_demand_usd_per_gpu_hour,
    discount_fraction,
    forward_from_months,
    forward_usd_per_gpu_hour,
    region,
    gpu_count,
    provider_count,
    matched_provider_count,
    case when matched_provider_count >= 3 then mean_discount end as market_discount_fraction,
    case when forward_provider_count >= 3 then mean_forward end as market_forward_usd_per_gpu_hour,
    case
        when provider_count < 3
            then 'fewer than three providers with this term: no figure of the market'
        when discount_fraction is null then 'not on demand in the same region: no discount'
        when matched_provider_count < 3
            then 'fewer than three providers have the same machine on demand: no market discount'
        when forward <= 0 then 'the longer term costs no more in all: no forward price'
        when forward_provider_count < 3
            then 'fewer than three providers with both terms: no forward price of the market'
    end as reason,
    oldest_seen_at,
    source_url
from counted

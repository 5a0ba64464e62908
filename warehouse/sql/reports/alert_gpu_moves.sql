-- One row per provider: the same offers of an accelerator now and some days ago.
-- provider_id | the provider
-- usd_per_gpu_hour | geometric mean of its offers now [USD/(GPU h)]
-- then_usd_per_gpu_hour | geometric mean of the same offers then [USD/(GPU h)]
-- offer_count | offers that stood on both days [1]
-- parameter: gpu_id | the accelerator
-- parameter: purchase_model | on_demand, spot, reserved or capacity_block
-- parameter: commitment_months | length of the reservation, null without one [month]
-- parameter: market_family | hyperscaler, neocloud or marketplace
-- parameter: reference_region | us, europe or asia
-- parameter: provider_id | only this provider, whatever its family; the market, if null
-- parameter: over_days | how long ago [d]
with standing as (
    select o.offer_key, o.provider_id, o.usd_per_gpu_hour, k.prices_at
    from marts.offers_latest as o
    cross join staged.build_clock as k
    where
        o.gpu_id = $gpu_id and o.purchase_model = $purchase_model
        and o.commitment_months is not distinct from $commitment_months
        and not o.is_stale and not o.is_witness and o.is_available is distinct from false
        and reference_region_of(o.country, o.area) = $reference_region
        and case
            when $provider_id is null then o.market_family = $market_family
            else o.provider_id = $provider_id
        end
),
matched as (
    select n.provider_id, n.offer_key, n.usd_per_gpu_hour, t.usd_per_gpu_hour as then_usd_per_gpu_hour
    from standing as n
    inner join core.offer_price as t
        on
            n.offer_key = t.offer_key
            and t.valid_from <= n.prices_at - to_days($over_days)
            and (t.valid_to is null or t.valid_to > n.prices_at - to_days($over_days))
            and t.superseded_at is null
    qualify row_number() over (partition by n.offer_key order by t.valid_from desc) = 1
)
select
    provider_id,
    exp(round(avg(ln(usd_per_gpu_hour)), 12)) as usd_per_gpu_hour,
    exp(round(avg(ln(then_usd_per_gpu_hour)), 12)) as then_usd_per_gpu_hour,
    count(*) as offer_count
from matched
group by provider_id
order by provider_id

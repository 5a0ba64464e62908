-- One row per rule about an accelerator: the price it asks about, and when such an offer was last shown.
-- value | middle of the market, or the price of one provider; null without a fresh one [USD/(GPU h)]
-- low | lower end of the 80 % interval of the middle [USD/(GPU h)]
-- high | upper end of it [USD/(GPU h)]
-- provider_count | providers with a fresh price [1]
-- provider_ids | who they are, cheapest first
-- seen_at | when the oldest of these prices was last shown; without one, when any such offer was [UTC]
-- parameter: gpu_id | the accelerator
-- parameter: purchase_model | on_demand, spot, reserved or capacity_block
-- parameter: commitment_months | length of the reservation, null without one [month]
-- parameter: market_family | hyperscaler, neocloud or marketplace
-- parameter: reference_region | us, europe or asia
-- parameter: provider_id | only this provider, whatever its family; the market, if null
with asked as (
    select *
    from marts.provider_price_now
    where
        gpu_id = $gpu_id and purchase_model = $purchase_model
        and commitment_months is not distinct from $commitment_months
        and reference_region = $reference_region
        and case
            when $provider_id is null then market_family = $market_family
            else provider_id = $provider_id
        end
),
own as (
    select
        min(usd_per_gpu_hour) as usd_per_gpu_hour,
        count(distinct provider_id) as provider_count,
        string_agg(provider_id, ', ' order by usd_per_gpu_hour, provider_id) as provider_ids,
        min(oldest_seen_at) as seen_at
    from asked
),
market as (
    select
        middle_usd_per_gpu_hour, typical_low_usd_per_gpu_hour, typical_high_usd_per_gpu_hour
    from marts.gpu_price_now
    where
        gpu_id = $gpu_id and purchase_model = $purchase_model
        and commitment_months is not distinct from $commitment_months
        and reference_region = $reference_region and market_family = $market_family
        and $provider_id is null
),
shown as (
    select max(seen_at) as seen_at
    from marts.offers_latest
    where
        gpu_id = $gpu_id and purchase_model = $purchase_model
        and commitment_months is not distinct from $commitment_months
        and reference_region_of(country, area) = $reference_region
        and case
            when $provider_id is null then market_family = $market_family
            else provider_id = $provider_id
        end
)
select
    coalesce(
        m.middle_usd_per_gpu_hour, case when $provider_id is not null then o.usd_per_gpu_hour end
    ) as "value",
    m.typical_low_usd_per_gpu_hour as low,
    m.typical_high_usd_per_gpu_hour as high,
    o.provider_count,
    o.provider_ids,
    coalesce(o.seen_at, s.seen_at) as seen_at
from own as o
cross join shown as s
left join market as m on true

-- One row per accelerator: its price on a basis; where it has none there, that of the market with most providers.
-- gpu_id | the accelerator
-- usd_per_gpu_hour | middle of the providers [USD/(GPU h)]
-- low | lower end of 80 % of what the next seller asks [USD/(GPU h)]
-- high | upper end of it [USD/(GPU h)]
-- provider_count | providers with a fresh price [1]
-- day | day of the prices [date]
-- commitment_months | length of the reservation, null without one [month]
-- market_family | whose prices
-- reference_region | us, europe or asia
-- provider_id | null: a market, not one provider
-- oldest_seen_at | when the oldest of the prices was last shown [UTC]
-- is_on_basis | whether it is the market and part of the world that were asked for
-- parameter: purchase_model | on_demand, spot, reserved or capacity_block
-- parameter: commitment_months | only this term; the shortest, if null [month]
-- parameter: market_family | hyperscaler, neocloud, marketplace or all
-- parameter: reference_region | us, europe or asia
-- parameter: is_data_center_only | whether other classes are left out
select
    gpu_id, middle_usd_per_gpu_hour as usd_per_gpu_hour, ask_low_usd_per_gpu_hour as low,
    ask_high_usd_per_gpu_hour as high, provider_count, day, commitment_months, market_family,
    reference_region, null::varchar as provider_id, oldest_seen_at,
    market_family = $market_family and reference_region = $reference_region as is_on_basis
from marts.gpu_price_now
where purchase_model = $purchase_model
    and ($commitment_months is null or commitment_months = $commitment_months)
    and (gpu_class = 'data_center' or not $is_data_center_only)
    and (market_family <> 'all' or market_family = $market_family)
qualify row_number() over (
    partition by gpu_id
    order by is_on_basis desc, reference_region = $reference_region desc, provider_count desc,
        market_family, reference_region, commitment_months nulls first
) = 1
order by gpu_id

-- One row per accelerator, way of buying, market family and part of the world: the newest value of the index that is not withheld.
-- gpu_id | the accelerator
-- purchase_model | on_demand, spot, reserved or capacity_block
-- commitment_months | length of the commitment, null without one [month]
-- market_family | whose prices the index holds
-- reference_region | us, europe or asia
-- usd_per_gpu_hour | the value [USD/(GPU h)]
-- p10_usd_per_gpu_hour | 10th percentile of the prices [USD/(GPU h)]
-- p90_usd_per_gpu_hour | 90th percentile of the prices [USD/(GPU h)]
-- provider_count | providers that count [1]
-- day | the day of the value, with the prices at its end [UTC date]
select gpu_id, purchase_model, commitment_months, market_family, reference_region,
    usd_per_gpu_hour, p10_usd_per_gpu_hour, p90_usd_per_gpu_hour, provider_count, day
from marts.gpu_price_index
where usd_per_gpu_hour is not null and reference_region is not null
qualify row_number() over (
    partition by gpu_id, purchase_model, commitment_months, market_family, reference_region
    order by day desc
) = 1
order by gpu_id, purchase_model, commitment_months nulls first, market_family, reference_region

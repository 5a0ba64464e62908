-- One row per market family, accelerator, purchase model and term: the newest price up to a day.
-- market_family | hyperscaler, neocloud, marketplace, or all of them
-- gpu_id | the accelerator
-- purchase_model | on_demand, spot, reserved or capacity_block
-- commitment_months | length of the reservation, null without one [month]
-- day | day of the price [date]
-- median_usd_per_gpu_hour | median of the providers [USD/(GPU h)]
-- p10_usd_per_gpu_hour | 10th percentile [USD/(GPU h)]
-- p90_usd_per_gpu_hour | 90th percentile [USD/(GPU h)]
-- parameter: day | the last day that counts
select market_family, gpu_id, purchase_model, commitment_months, day,
    median_usd_per_gpu_hour, p10_usd_per_gpu_hour, p90_usd_per_gpu_hour
from marts.gpu_price_daily
where day <= $day and median_usd_per_gpu_hour is not null
qualify row_number() over (
    partition by market_family, gpu_id, purchase_model, commitment_months
    order by day desc
) = 1

-- One row per GPU and day of the last 91 days: the median on demand.
-- parameter: gpu_ids | the accelerators
-- gpu_id | the accelerator
-- day | the day, with the prices at its end [UTC date]
-- median_usd_per_gpu_hour | median of the providers' medians [USD/(GPU h)]
-- provider_count | independent providers behind the value
select gpu_id, day, median_usd_per_gpu_hour, provider_count
from marts.gpu_price_daily
where market_family = 'all' and purchase_model = 'on_demand' and gpu_id in $gpu_ids
    and median_usd_per_gpu_hour is not null
    and day > (select max(day) from marts.gpu_price_daily) - 91
order by gpu_id, day

-- One row per purchase model and day: prices of a GPU over all markets.
-- parameter: gpu_id | the accelerator
-- gpu_id | the accelerator
-- day | the day, with the prices at its end [UTC date]
-- purchase_model | on_demand, spot, reserved or capacity_block
-- median | median of the providers' medians [USD/(GPU h)]
-- p10 | 10th percentile of the providers' medians [USD/(GPU h)]
-- p90 | 90th percentile of the providers' medians [USD/(GPU h)]
-- provider_count | independent providers behind the value
-- offer_count | offers behind the value
-- oldest_seen_on | the earliest day on which a source behind the value last answered [date]
select
    gpu_id, day, purchase_model, median_usd_per_gpu_hour as median, p10_usd_per_gpu_hour as p10,
    p90_usd_per_gpu_hour as p90, provider_count, offer_count, oldest_seen_on
from marts.gpu_price_daily
where gpu_id = $gpu_id and market_family = 'all' and commitment_months is null
    and median_usd_per_gpu_hour is not null
order by purchase_model, day

-- One row per purchase model, commitment and market family: prices of a GPU on the newest day.
-- parameter: gpu_id | the accelerator
-- gpu_id | the accelerator
-- purchase_model | on_demand, spot, reserved or capacity_block
-- commitment_months | length of the commitment, null where there is none [month]
-- market_family | hyperscaler, neocloud, marketplace, or all (the three together)
-- median_usd_per_gpu_hour | median of the providers' medians [USD/(GPU h)]
-- p10_usd_per_gpu_hour | 10th percentile of the providers' medians [USD/(GPU h)]
-- p90_usd_per_gpu_hour | 90th percentile of the providers' medians [USD/(GPU h)]
-- min_usd_per_gpu_hour | cheapest single offer [USD/(GPU h)]
-- max_usd_per_gpu_hour | most expensive single offer [USD/(GPU h)]
-- provider_count | independent providers behind the value
-- offer_count | offers behind the value
-- oldest_seen_on | the earliest day on which a source behind the value last answered [date]
-- day | the day, with the prices at its end [UTC date]
select
    gpu_id, purchase_model, commitment_months, market_family, median_usd_per_gpu_hour,
    p10_usd_per_gpu_hour, p90_usd_per_gpu_hour, min_usd_per_gpu_hour, max_usd_per_gpu_hour,
    provider_count, offer_count, oldest_seen_on, day
from marts.gpu_price_daily
where gpu_id = $gpu_id and day = (select max(day) from marts.gpu_price_daily)
    and median_usd_per_gpu_hour is not null
order by purchase_model, commitment_months nulls first, market_family

-- One row per accelerator, day, purchase model, commitment and market family with a price.
-- gpu_id | the accelerator
-- day | the day, with the prices at its end [UTC date]
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
-- oldest_seen_on | the oldest of the days on which the sources behind the value last answered [date]
-- method_break | a source behind the value that changes its method on this day (core.method_break), and what changed: the step from the day before is no move of a price; null where none does
-- incremental: day
-- grows by: day
-- check: each row is there once: select gpu_id, day, purchase_model, commitment_months, market_family from {this} group by all having count(*) > 1
-- check: the median lies between its percentiles: select * from {this} where not (0 < min_usd_per_gpu_hour and p10_usd_per_gpu_hour <= median_usd_per_gpu_hour * (1 + 1e-12) and median_usd_per_gpu_hour <= p90_usd_per_gpu_hour * (1 + 1e-12))
with provider_day as (
    select *
    from staged.provider_price_day
),
by_family as (
    select gpu_id, day, purchase_model, commitment_months, market_family, provider_id,
        median_usd_per_gpu_hour, min_usd_per_gpu_hour, max_usd_per_gpu_hour, offer_count, seen_on,
        method_break
    from provider_day
    union all
    select
        gpu_id, day, purchase_model, commitment_months, 'all' as market_family, provider_id,
        -- A provider with a secure and a community tier still counts once.
        median(median_usd_per_gpu_hour) as median_usd_per_gpu_hour,
        min(min_usd_per_gpu_hour) as min_usd_per_gpu_hour,
        max(max_usd_per_gpu_hour) as max_usd_per_gpu_hour,
        sum(offer_count) as offer_count,
        min(seen_on) as seen_on,
        min(method_break) as method_break
    from provider_day
    group by gpu_id, day, purchase_model, commitment_months, provider_id
)
select
    gpu_id,
    day,
    purchase_model,
    commitment_months,
    market_family,
    median(median_usd_per_gpu_hour) as median_usd_per_gpu_hour,
    quantile_cont(median_usd_per_gpu_hour, 0.1) as p10_usd_per_gpu_hour,
    quantile_cont(median_usd_per_gpu_hour, 0.9) as p90_usd_per_gpu_hour,
    min(min_usd_per_gpu_hour) as min_usd_per_gpu_hour,
    max(max_usd_per_gpu_hour) as max_usd_per_gpu_hour,
    count(distinct provider_id) as provider_count,
    cast(sum(offer_count) as bigint) as offer_count,
    min(seen_on) as oldest_seen_on,
    min(method_break) as method_break
from by_family
group by gpu_id, day, purchase_model, commitment_months, market_family

-- One row per accelerator, day, purchase model, commitment and market family with offers: what they ask, or why that is not known.
-- gpu_id | the accelerator
-- day | the day, with the prices at its end [UTC date]
-- purchase_model | on_demand, spot, reserved or capacity_block
-- commitment_months | length of the commitment, null where there is none [month]
-- market_family | hyperscaler, neocloud, marketplace, or all (the three together)
-- median_usd_per_gpu_hour | median of the providers' medians, null where no price counts [USD/(GPU h)]
-- p10_usd_per_gpu_hour | 10th percentile of the providers' medians [USD/(GPU h)]
-- p90_usd_per_gpu_hour | 90th percentile of the providers' medians [USD/(GPU h)]
-- min_usd_per_gpu_hour | cheapest single offer [USD/(GPU h)]
-- max_usd_per_gpu_hour | most expensive single offer [USD/(GPU h)]
-- provider_count | independent providers behind the value: those heard and those carried
-- heard_provider_count | of them, those that a source behind the value was read for on the day
-- carried_provider_count | of them, those whose price is that of an earlier day
-- offer_count | offers behind the value
-- oldest_seen_on | the oldest of the days on which the prices behind the value were last shown; without a value the newest day of the old ones [date]
-- withheld_reason | why there is no value: every price is older than 72 hours, or twice the cadence of its source if that is longer, at the end of the day, or sold out; null where there is one
-- method_break | a source behind the value that changes its method on this day (core.method_break), and what changed: the step from the day before is no move of a price; null where none does
-- incremental: day
-- grows by: day
-- check: each row is there once: select gpu_id, day, purchase_model, commitment_months, market_family from {this} group by all having count(*) > 1
-- check: the median lies between its percentiles: select * from {this} where not (0 < min_usd_per_gpu_hour and p10_usd_per_gpu_hour <= median_usd_per_gpu_hour * (1 + 1e-12) and median_usd_per_gpu_hour <= p90_usd_per_gpu_hour * (1 + 1e-12))
-- check: a value of providers or a reason: select * from {this} where (median_usd_per_gpu_hour is null) <> (withheld_reason is not null) or (median_usd_per_gpu_hour is null) <> (provider_count = 0)
-- check: a provider is heard or carried: select * from {this} where heard_provider_count + carried_provider_count <> provider_count
with by_family as (
    select gpu_id, day, purchase_model, commitment_months, market_family, provider_id,
        median_usd_per_gpu_hour, min_usd_per_gpu_hour, max_usd_per_gpu_hour, offer_count,
        is_heard, seen_on, is_sold_out, method_break
    from staged.provider_price_day
    union all
    select
        gpu_id, day, purchase_model, commitment_months, 'all' as market_family, provider_id,
        -- A provider with a secure and a community tier still counts once.
        median(median_usd_per_gpu_hour) as median_usd_per_gpu_hour,
        min(min_usd_per_gpu_hour) as min_usd_per_gpu_hour,
        max(max_usd_per_gpu_hour) as max_usd_per_gpu_hour,
        sum(offer_count) as offer_count,
        bool_or(is_heard) as is_heard,
        coalesce(min(case when offer_count > 0 then seen_on end), max(seen_on)) as seen_on,
        bool_or(is_sold_out) as is_sold_out,
        min(method_break) as method_break
    from staged.provider_price_day
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
    count(median_usd_per_gpu_hour) as provider_count,
    count(case when is_heard then median_usd_per_gpu_hour end) as heard_provider_count,
    count(case when not is_heard then median_usd_per_gpu_hour end) as carried_provider_count,
    cast(sum(offer_count) as bigint) as offer_count,
    coalesce(min(case when offer_count > 0 then seen_on end), max(seen_on)) as oldest_seen_on,
    case
        when count(median_usd_per_gpu_hour) > 0 then null
        when bool_or(is_sold_out) then 'sold out'
        else 'no price is fresh: the newest was shown on ' || cast(max(seen_on) as varchar)
    end as withheld_reason,
    min(method_break) as method_break
from by_family
group by gpu_id, day, purchase_model, commitment_months, market_family

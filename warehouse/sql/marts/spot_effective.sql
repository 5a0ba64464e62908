-- One row per fresh spot offer that is not sold out, and size of job: what an hour of work costs with interruptions.
-- offer_key | the offer, as in marts.offers_latest
-- provider_id | the provider that rents it out
-- gpu_id | the accelerator
-- sku | the provider's own id
-- region | the provider's own region id
-- gpu_count | GPUs of the instance [GPU]
-- instance_count | instances of the job: it stops when one of them is taken back
-- usd_per_gpu_hour | spot price [USD/(GPU h)]
-- interruption_low_fraction | lower bound of the published band: share taken back in a month [1]
-- interruption_high_fraction | upper bound of the band, null where it is open [1]
-- checkpoint_seconds | time that the job pauses to write a checkpoint [s]
-- restart_seconds | time from an interruption to work again [s]
-- low | effective price at the lower bound [USD/(GPU h)]
-- effective_usd_per_gpu_hour | effective price at the middle of the band; its lower bound, where the band is open [USD/(GPU h)]
-- high | effective price at the upper bound, null where it is open [USD/(GPU h)]
-- on_demand_usd_per_gpu_hour | cheapest on-demand offer of the same provider, region and sku [USD/(GPU h)]
-- saving_fraction | what is left of the saving against on demand [1]
-- reason | why there is no effective price, or no upper bound; null where both are there
-- seen_at | when its origin last showed it (marts.offers_latest) [UTC]
-- source_url | where the price was read
-- rate_source_url | where the band was read
-- check: each row is there once: select offer_key from {this} group by offer_key, instance_count having count(*) > 1
-- check: interruptions never make an hour cheaper: select * from {this} where effective_usd_per_gpu_hour < usd_per_gpu_hour * (1 - 1e-12) or low > effective_usd_per_gpu_hour or high < effective_usd_per_gpu_hour
with band as (
    select
        'aws' as provider_id,
        "values"['region'] as region,
        "values"['instance_type'] as sku,
        any_value(source_url) as rate_source_url,
        max(cast("values"['interruption_low_percent'] as double)) / 100 as low_fraction,
        max(cast("values"['interruption_high_percent'] as double)) / 100 as high_fraction
    from staged.table_row
    where table_name = 'aws_spot_interruption' and "values"['operating_system'] = 'Linux'
    group by "values"['region'], "values"['instance_type']
),
assumed as (
    select
        max(case when field = 'checkpoint_seconds' then cast(value as double) end)
            as checkpoint_seconds,
        max(case when field = 'restart_seconds' then cast(value as double) end)
            as restart_seconds
    from meta.reference_value
    where subject_kind = 'scenario' and subject = 'checkpointed'
),
on_demand as (
    select provider_id, sku, region, min(usd_per_gpu_hour) as usd_per_gpu_hour
    from marts.offers_latest
    where purchase_model = 'on_demand' and not is_witness and not is_stale
        and is_available is distinct from false
    group by provider_id, sku, region
),
offer as (
    select
        o.offer_key, o.provider_id, o.gpu_id, o.sku, o.region, o.gpu_count, j.instance_count,
        o.usd_per_gpu_hour, b.low_fraction,
        case when b.high_fraction < 1 then b.high_fraction end as high_fraction,
        case when b.high_fraction < 1 then (b.low_fraction + b.high_fraction) / 2
            else b.low_fraction end as middle_fraction,
        a.checkpoint_seconds, a.restart_seconds, d.usd_per_gpu_hour as on_demand_usd_per_gpu_hour,
        o.seen_at, o.source_url, b.rate_source_url
    from marts.offers_latest as o
    cross join assumed as a
    cross join (select unnest([1, 16]) as instance_count) as j
    left join band as b
        on o.provider_id = b.provider_id and o.sku = b.sku and o.region = b.region
    left join on_demand as d
        on
            o.provider_id = d.provider_id and o.sku = d.sku
            and o.region is not distinct from d.region
    where o.purchase_model = 'spot' and o.gpu_id is not null and not o.is_stale
        and o.is_available is distinct from false
),
rated as (
    select
        offer_key, instance_count, bound,
        -ln(1 - monthly_fraction) / hours_per_month_of_365_days() * instance_count as per_hour,
        checkpoint_seconds / seconds_per_hour() as write_hours,
        restart_seconds / seconds_per_hour() as restart_hours
    from offer
    cross join lateral (
        values ('low', low_fraction), ('middle', middle_fraction), ('high', high_fraction)
    ) as f (bound, monthly_fraction)
    where monthly_fraction is not null
),
-- Work between checkpoints, and hours paid per hour of work: cost_engine/spot.py.
paced as (
    select
        *,
        case when per_hour = 0 then null
            when write_hours < 0.5 / per_hour then sqrt(2 * write_hours / per_hour) - write_hours
            else 1 / per_hour
        end as work_hours
    from rated
),
factor as (
    select
        offer_key,
        instance_count,
        max(f) filter (bound = 'low') as low,
        max(f) filter (bound = 'middle') as middle,
        max(f) filter (bound = 'high') as high
    from (
        select
            offer_key, instance_count, bound,
            case when per_hour = 0 then 1
                else
                    exp(restart_hours * per_hour) * (exp((work_hours + write_hours) * per_hour) - 1)
                    / (per_hour * work_hours)
            end as f
        from paced
    )
    group by offer_key, instance_count
)
select
    o.offer_key,
    o.provider_id,
    o.gpu_id,
    o.sku,
    o.region,
    o.gpu_count,
    o.instance_count,
    o.usd_per_gpu_hour,
    o.low_fraction as interruption_low_fraction,
    o.high_fraction as interruption_high_fraction,
    o.checkpoint_seconds,
    o.restart_seconds,
    o.usd_per_gpu_hour * f.low as low,
    o.usd_per_gpu_hour * f.middle as effective_usd_per_gpu_hour,
    o.usd_per_gpu_hour * f.high as high,
    o.on_demand_usd_per_gpu_hour,
    1 - o.usd_per_gpu_hour * f.middle / o.on_demand_usd_per_gpu_hour as saving_fraction,
    case
        when o.low_fraction is null then 'not known: no interruption rate is published'
        when o.high_fraction is null
            then format('the band is open: over {:.0f} % a month', o.low_fraction * 100)
    end as reason,
    o.seen_at,
    o.source_url,
    o.rate_source_url
from offer as o
left join factor as f on o.offer_key = f.offer_key and o.instance_count = f.instance_count

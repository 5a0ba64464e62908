-- One row per provider and GPU: its offers on demand that are not sold out; stale ones only where it has no fresh one.
-- parameter: gpu_ids | the accelerators
-- provider_id | the provider
-- provider_name | its full name
-- gpu_id | the accelerator
-- usd_per_gpu_hour | its cheapest offer [USD/(GPU h)]
-- dearest_usd_per_gpu_hour | its most expensive offer [USD/(GPU h)]
-- offer_count | its offers
-- seen_at | time of its newest good answer [UTC]
-- age_hours | age of that answer at the build [h]
-- source_id | the source of the cheapest offer
with standing as (
    select *
    from marts.offers_latest
    where
        purchase_model = 'on_demand' and not is_witness and gpu_id in $gpu_ids
        and is_available is distinct from false
    qualify not is_stale or bool_and(is_stale) over (partition by provider_id, gpu_id)
)
select
    s.provider_id, coalesce(any_value(p.name), s.provider_id) as provider_name, s.gpu_id,
    min(usd_per_gpu_hour) as usd_per_gpu_hour,
    max(usd_per_gpu_hour) as dearest_usd_per_gpu_hour, count(*) as offer_count,
    max(seen_at) as seen_at, min(age_hours) as age_hours,
    arg_min(source_id, usd_per_gpu_hour) as source_id
from standing as s
left join core.provider as p on s.provider_id = p.provider_id
group by s.provider_id, s.gpu_id
order by count(*) over (partition by s.provider_id) desc, s.provider_id, s.gpu_id

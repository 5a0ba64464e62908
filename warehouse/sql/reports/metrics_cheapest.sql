-- One row per accelerator and way of buying: its cheapest offer that is fresh and not sold out.
-- gpu_id | the accelerator
-- purchase_model | on_demand, spot, reserved or capacity_block
-- provider_id | the provider that rents it out
-- usd_per_gpu_hour | its list price [USD/(GPU h)]
-- offer_count | such offers of the accelerator [1]
-- provider_count | providers that have one [1]
-- seen_at | when its origin last showed it [UTC]
with offered as (
    select * from marts.offers_latest
    where not is_witness and not is_stale and is_available is distinct from false
),
counted as (
    select gpu_id, purchase_model, count(*) as offer_count,
        count(distinct provider_id) as provider_count
    from offered
    group by gpu_id, purchase_model
)
select gpu_id, purchase_model, o.provider_id, o.usd_per_gpu_hour, c.offer_count, c.provider_count,
    o.seen_at
from offered as o
join counted as c using (gpu_id, purchase_model)
qualify row_number() over (
    partition by gpu_id, purchase_model
    order by o.usd_per_gpu_hour, o.provider_id, o.region, o.offer_key
) = 1
order by gpu_id, purchase_model

-- One row per accelerator, size of a set, market family, part of the world and term: the cheapest provider that offers it.
-- gpu_id | the accelerator
-- market_family | hyperscaler, neocloud, marketplace, or all of them together
-- reference_region | us, europe or asia
-- commitment_months | length of the reservation, null without one [month]
-- gpu_count | GPUs of the set [GPU]
-- provider_id | the cheapest provider
-- usd_per_gpu_hour | what it asks for a GPU of the set [USD/(GPU h)]
-- gpus_per_instance | GPUs of one of its instances [GPU]
-- seen_at | when that was last shown [UTC]
-- provider_count | providers that offer such a set [1]
-- parameter: purchase_model | on_demand, spot, reserved or capacity_block
-- parameter: provider_id | only this provider; any, if null
with offered as (
    from marts.gpu_set_offer
    where purchase_model = $purchase_model
        and ($provider_id is null or provider_id = $provider_id)
),
voted as (
    from offered
    union all by name
    select * replace ('all' as market_family) from offered
)
select
    gpu_id, market_family, reference_region, commitment_months, gpu_count, provider_id,
    usd_per_gpu_hour, gpus_per_instance, seen_at,
    count(*) over same as provider_count
from voted
window same as (
    partition by gpu_id, market_family, reference_region, commitment_months, gpu_count
)
qualify row_number() over (same order by usd_per_gpu_hour, provider_id, gpus_per_instance desc) = 1
order by gpu_id, gpu_count

-- One row per provider, accelerator, size of a set, contract, market family and part of the world: a set that can be rented there now.
-- provider_id | the provider
-- gpu_id | the accelerator
-- gpu_count | GPUs of the set; cheapest(gpu_id, gpu_count) takes any other number [GPU]
-- purchase_model | on_demand, spot, reserved or capacity_block
-- commitment_months | length of the commitment, null where there is none [month]
-- market_family | hyperscaler, neocloud or marketplace
-- reference_region | us, europe or asia
-- usd_per_gpu_hour | what it asks for a GPU of the set, its cheapest offer [USD/(GPU h)]
-- gpus_per_instance | GPUs of one instance of that offer; 1 where joined GPUs are sold one by one [GPU]
-- region | the provider's own region id of that offer; null where one price holds everywhere
-- seen_at | when that offer was last shown [UTC]
-- is_available | whether the source reports capacity, null where it does not say
-- source_url | the address of the price
-- view
-- check: each row is there once: select gpu_id from {this} group by provider_id, gpu_id, gpu_count, purchase_model, commitment_months, market_family, reference_region having count(*) > 1
-- check: a set is whole machines: select * from {this} where gpu_count % gpus_per_instance <> 0
with size as (
    select unnest([1, 2, 4, 8, 16, 32, 64, 72, 128, 256, 512, 1024]) as gpu_count
),
taken as (
    select
        o.*, s.gpu_count as set_gpu_count,
        reference_region_of(o.country, o.area) as reference_region
    from marts.offers_latest as o
    inner join core.gpu as g on o.gpu_id = g.gpu_id
    inner join size as s
        on is_set_of(
            s.gpu_count, o.gpu_count, o.price_basis, o.market_family, g.form_factor,
            g.scale_up_gpu_count, o.interconnect, o.node_link
        )
    where
        not o.is_stale and not o.is_witness and o.is_available is distinct from false
        and reference_region_of(o.country, o.area) is not null
)
select
    provider_id,
    t.gpu_id,  -- with its table, because training_usd has parameters of such names
    set_gpu_count as gpu_count,
    purchase_model,
    commitment_months,
    market_family,
    reference_region,
    t.usd_per_gpu_hour,
    gpu_count as gpus_per_instance,
    region,
    seen_at,
    is_available,
    coalesce(homepage_url, source_url) as source_url
from taken as t
qualify row_number() over (
    partition by
        provider_id, t.gpu_id, set_gpu_count, purchase_model, commitment_months, market_family,
        reference_region
    order by t.usd_per_gpu_hour, gpu_count desc, region, offer_key
) = 1

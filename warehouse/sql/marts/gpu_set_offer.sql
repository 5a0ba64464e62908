-- One row per provider, accelerator, size of a set, contract, market family and part of the world: a set that can be rented there now.
-- provider_id | the provider
-- gpu_id | the accelerator
-- gpu_count | GPUs of the set [GPU]
-- purchase_model | on_demand, spot, reserved or capacity_block
-- commitment_months | length of the commitment, null where there is none [month]
-- market_family | hyperscaler, neocloud or marketplace
-- reference_region | us, europe or asia
-- usd_per_gpu_hour | what it asks for a GPU of the set, its cheapest offer [USD/(GPU h)]
-- gpus_per_instance | GPUs of one instance of that offer; 1 where joined GPUs are sold one by one [GPU]
-- region | the provider's own region id of that offer; null where one price holds everywhere
-- seen_at | when that offer was last shown [UTC]
-- view
-- check: each row is there once: select gpu_id from {this} group by provider_id, gpu_id, gpu_count, purchase_model, commitment_months, market_family, reference_region having count(*) > 1
-- check: a set is whole machines: select * from {this} where gpu_count % gpus_per_instance <> 0
with size as (
    select unnest([1, 2, 4, 8, 16]) as gpu_count
),
offered as (
    select
        o.*, g.scale_up_gpu_count,
        reference_region_of(o.country, o.area) as reference_region,
        -- A price list by the GPU sells any number of joined ones: modules stand on boards that
        -- join them, of cards the source must say it.
        o.gpu_count = 1 and o.price_basis = 'gpu' and o.market_family <> 'marketplace'
        and (
            g.form_factor in ('SXM', 'OAM', 'superchip') or o.interconnect is not null
            or o.node_link is not null
        ) as is_sold_joined
    from marts.offers_latest as o
    inner join core.gpu as g on o.gpu_id = g.gpu_id
    where
        not o.is_stale and not o.is_witness and o.is_available is distinct from false
        and reference_region_of(o.country, o.area) is not null
),
taken as (
    select o.*, s.gpu_count as set_gpu_count
    from offered as o
    inner join size as s
        on
            o.gpu_count = s.gpu_count
            or (o.is_sold_joined and s.gpu_count <= coalesce(o.scale_up_gpu_count, 1))
            -- whole nodes: machines of eight, or the trays of a larger domain
            or (
                o.market_family <> 'marketplace' and o.gpu_count > 1
                and s.gpu_count > o.gpu_count and s.gpu_count % o.gpu_count = 0
                and (o.gpu_count = 8 or s.gpu_count <= nullif(o.scale_up_gpu_count, 8))
            )
)
select
    provider_id,
    gpu_id,
    set_gpu_count as gpu_count,
    purchase_model,
    commitment_months,
    market_family,
    reference_region,
    usd_per_gpu_hour,
    gpu_count as gpus_per_instance,
    region,
    seen_at
from taken
qualify row_number() over (
    partition by
        provider_id, gpu_id, set_gpu_count, purchase_model, commitment_months, market_family,
        reference_region
    order by usd_per_gpu_hour, gpu_count desc, region, offer_key
) = 1

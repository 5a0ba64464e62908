-- One row per provider, machine and contract of an accelerator: what a load can be put on, one machine a provider.
-- provider_id | the provider
-- market_family | hyperscaler, neocloud or marketplace
-- purchase_model | on_demand, spot or reserved
-- commitment_months | length of the reservation, null without one [month]
-- usd_per_gpu_hour | list price [USD/(GPU h)]
-- gpus_per_node | GPUs that must be taken together [GPU]
-- sku | the source's own id
-- region | the provider's own region; null where one price holds everywhere
-- age_hours | from when it was last shown to the build [h]
-- source_id | where it was read
-- source_url | the address of the price
-- parameter: gpu_id | the accelerator
-- parameter: gpu_count | most GPUs needed at once [GPU]
-- parameter: reference_region | us, europe or asia
-- parameter: market_family | only this family; each, if null
-- parameter: provider_id | only this provider; each, if null
with offered as (
    select
        o.*,
        o.gpu_count as gpus_per_node,
        coalesce(a.anchor_rank, 1000) as place_rank
    from marts.offers_latest as o
    left join core.gpu as g on o.gpu_id = g.gpu_id
    left join core.reference_region as a
        on
            o.provider_id = a.provider_id and a.reference_region = $reference_region
            and o.region = a.region
    where
        o.gpu_id = $gpu_id and o.purchase_model in ('on_demand', 'spot', 'reserved')
        and not o.is_stale and not o.is_witness and o.is_available is distinct from false
        and (o.purchase_model <> 'reserved' or o.commitment_months is not null)
        and $reference_region = reference_region_of(o.country, o.area)
        and ($market_family is null or o.market_family = $market_family)
        and ($provider_id is null or o.provider_id = $provider_id)
        and is_set_of(
            cast(ceil($gpu_count / o.gpu_count) as integer) * o.gpu_count, o.gpu_count,
            o.price_basis, o.market_family, g.form_factor, g.scale_up_gpu_count,
            o.interconnect, o.node_link
        )
),
contract as (
    select *
    from offered
    qualify row_number() over (
        partition by
            provider_id, market_family, source_id, region, sku, gpus_per_node, purchase_model,
            commitment_months
        order by coalesce(upfront_fraction, 0), usd_per_gpu_hour
    ) = 1
),
machine as (
    select
        provider_id, market_family, source_id, region, sku, gpus_per_node,
        bool_or(purchase_model = 'reserved') as can_be_reserved,
        min(place_rank) as best_rank,
        min(case when purchase_model <> 'spot' then usd_per_gpu_hour end)
            * ceil($gpu_count / cast(gpus_per_node as double)) * gpus_per_node as usd_per_hour
    from contract
    group by provider_id, market_family, source_id, region, sku, gpus_per_node
    having bool_or(purchase_model <> 'spot')
),
chosen as (
    select *
    from machine
    qualify row_number() over (
        partition by provider_id, market_family
        order by can_be_reserved desc, best_rank, usd_per_hour, gpus_per_node desc, sku, region
    ) = 1
)
select
    c.provider_id, c.market_family, c.purchase_model, c.commitment_months, c.usd_per_gpu_hour,
    c.gpus_per_node, c.sku, c.region, round(c.age_hours, 1) as age_hours, c.source_id,
    coalesce(c.homepage_url, c.source_url) as source_url
from contract as c
inner join chosen as m
    on
        c.provider_id = m.provider_id and c.market_family = m.market_family
        and c.source_id = m.source_id
        and c.region is not distinct from m.region and c.sku is not distinct from m.sku
        and c.gpus_per_node = m.gpus_per_node
order by c.provider_id, c.market_family, c.commitment_months nulls first, c.purchase_model

-- One row per provider and contract: what a number of GPUs for some months would cost there, cheapest provider first.
-- provider_id | the provider that rents them out
-- purchase_model | on_demand, reserved or capacity_block
-- commitment_months | length of the commitment, null without one [month]
-- usd_total | list price of all GPUs that must be taken, for all months that must be paid [USD]
-- usd_per_month | the same over the months wanted [USD/month]
-- usd_per_gpu_hour | list price of one GPU for one hour [USD/(GPU h)]
-- gpu_count | GPUs that must be taken: whole instances [GPU]
-- instance_count | instances that hold them [1]
-- gpus_per_instance | GPUs of one [GPU]
-- months_paid | the months wanted, in whole commitments [month]
-- is_joined | false where they are machines that nothing stated joins
-- sku | the source's own id
-- region | the provider's own region id; null where one price holds everywhere
-- is_available | whether the source reports capacity, null where it does not say
-- seen_at | when the price was last shown [UTC]
-- age_hours | from then to the build [h]
-- source_id | where it was read
-- source_url | the address of the price
-- parameter: gpu_id | the accelerator
-- parameter: gpu_count | GPUs wanted [GPU]
-- parameter: months_wanted | how long they are wanted [month]
-- parameter: hours_per_month | hours of a month [h/month]
-- parameter: purchase_model | only this one; any but spot, if null
-- parameter: provider_id | only this provider; any, if null
-- parameter: area | only this part of the world; any, if null
-- parameter: every_contract | whether each contract of a provider is listed, or only its cheapest
-- parameter: with_separate | whether machines that nothing joins count
-- parameter: row_limit | how many providers at most
with whole as (
    select
        o.*, g.form_factor, g.scale_up_gpu_count,
        cast(ceil($gpu_count / o.gpu_count) as integer) * o.gpu_count as gpus_taken
    from marts.offers_latest as o
    left join core.gpu as g on o.gpu_id = g.gpu_id
),
joined as (
    select
        *,
        is_set_of(
            gpus_taken, gpu_count, price_basis, market_family, form_factor, scale_up_gpu_count,
            interconnect, node_link
        ) as is_joined
    from whole
),
offered as (
    select
        *,
        coalesce(
            ceil($months_wanted / commitment_months) * commitment_months, $months_wanted
        ) as months_paid
    from joined
    where
        gpu_id = $gpu_id and not is_stale and not is_witness
        and is_available is distinct from false
        and purchase_model = coalesce($purchase_model, purchase_model)
        and ($purchase_model is not null or purchase_model <> 'spot')
        and ($provider_id is null or provider_id = $provider_id)
        and ($area is null or area = $area)
        and ($with_separate or is_joined)
        -- A machine of a marketplace is there once.
        and (market_family <> 'marketplace' or price_basis = 'gpu' or gpu_count >= $gpu_count)
),
priced as (
    select
        *,
        usd_per_gpu_hour * gpus_taken * months_paid * $hours_per_month as usd_total
    from offered
),
-- The cheapest offer of each contract.
contract as (
    select *
    from priced
    qualify row_number() over (
        partition by provider_id, purchase_model, commitment_months
        order by usd_total, gpus_taken, region, sku
    ) = 1
),
ranked as (
    select
        *,
        min(usd_total) over (partition by provider_id) as best_usd_total,
        row_number() over (
            partition by provider_id order by usd_total, purchase_model, commitment_months
        ) as contract_rank
    from contract
),
chosen as (
    select *, dense_rank() over (order by best_usd_total, provider_id) as provider_rank
    from ranked
)
select
    provider_id,
    purchase_model,
    commitment_months,
    usd_total,
    usd_total / $months_wanted as usd_per_month,
    usd_per_gpu_hour,
    gpus_taken as gpu_count,
    cast(gpus_taken / gpu_count as integer) as instance_count,
    gpu_count as gpus_per_instance,
    months_paid,
    is_joined,
    sku,
    region,
    is_available,
    seen_at,
    round(age_hours, 1) as age_hours,
    source_id,
    coalesce(homepage_url, source_url) as source_url
from chosen
where provider_rank <= $row_limit and ($every_contract or contract_rank = 1)
order by provider_rank, contract_rank

-- One row per accelerator that a provider offers: its list price on a basis, in another part of the world where it has none there.
-- gpu_id | the accelerator
-- usd_per_gpu_hour | its price [USD/(GPU h)]
-- low | the same: one list price has no spread [USD/(GPU h)]
-- high | the same [USD/(GPU h)]
-- provider_count | 1 [1]
-- day | day of the price [date]
-- commitment_months | length of the reservation, null without one [month]
-- market_family | family of the provider
-- reference_region | us, europe or asia
-- provider_id | the provider
-- oldest_seen_at | when the oldest of the offers behind it was last shown [UTC]
-- is_on_basis | whether it is the part of the world that was asked for
-- parameter: provider_id | the provider
-- parameter: purchase_model | on_demand, spot, reserved or capacity_block
-- parameter: commitment_months | only this term; the shortest, if null [month]
-- parameter: reference_region | us, europe or asia
-- parameter: is_data_center_only | whether other classes are left out
select
    p.gpu_id, p.usd_per_gpu_hour, p.usd_per_gpu_hour as low, p.usd_per_gpu_hour as high,
    1 as provider_count, (select max(day) from marts.gpu_price_now) as day, p.commitment_months, p.market_family,
    p.reference_region, p.provider_id, p.oldest_seen_at,
    p.reference_region = $reference_region as is_on_basis
from marts.provider_price_now as p
inner join core.gpu as g on p.gpu_id = g.gpu_id
where p.provider_id = $provider_id and p.purchase_model = $purchase_model
    and ($commitment_months is null or p.commitment_months = $commitment_months)
    and (g.gpu_class = 'data_center' or not $is_data_center_only)
qualify row_number() over (
    partition by p.gpu_id
    order by is_on_basis desc, p.reference_region, p.commitment_months nulls first,
        p.market_family
) = 1
order by p.gpu_id

-- One row per instance type and region of a provider: the cheapest fresh list price of the whole instance.
-- provider_id | the provider
-- region | the provider's own region id
-- sku | the instance type
-- gpu_id | its accelerator
-- gpu_count | how many of them [GPU]
-- usd_per_node_hour | price of the whole instance for one hour [USD/h]
-- seen_at | when its origin last showed it [UTC]
-- parameter: provider_id | only this provider; each, if null
-- parameter: purchase_model | on_demand, spot, reserved or capacity_block
-- parameter: commitment_months | only commitments of this length; without a commitment, if null [month]
select provider_id, region, sku, gpu_id, gpu_count, usd_per_node_hour, seen_at
from marts.offers_latest
where region is not null and sku is not null and not is_witness and not is_stale
    and purchase_model = $purchase_model
    and commitment_months is not distinct from $commitment_months
    and ($provider_id is null or provider_id = $provider_id)
qualify row_number() over (
    partition by provider_id, lower(region), lower(sku) order by usd_per_node_hour, offer_key
) = 1
order by provider_id, region, sku

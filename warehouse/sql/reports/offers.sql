-- One row per current offer of a GPU that matches what was asked.
-- usd_per_gpu_hour | list price of one GPU for one hour [USD/(GPU h)]
-- usd_per_node_hour | list price of the whole instance for one hour [USD/h]
-- gpu_count | GPUs of the instance [GPU]
-- provider_id | the provider that rents it out
-- sku | the source's own id
-- region | the provider's own region id
-- purchase_model | on_demand, spot, reserved or capacity_block
-- commitment_months | length of the commitment, null without one [month]
-- market_tier | hyperscaler, neocloud, marketplace_secure or marketplace_community
-- is_available | whether the source reports capacity, null where it does not say
-- availability | in_stock or sold_out where the source reports capacity; else on_sale on a provider's own list, unknown elsewhere
-- interconnect | what joins the GPUs or nodes, as printed
-- node_link | what joins the GPUs of a node: NVLink, Infinity Fabric or PCIe; null where not known
-- network | what joins nodes: InfiniBand, RoCE, EFA, GPUDirect or Ethernet; null where not known
-- network_bits_per_second | bandwidth of one node to others [bit/s]
-- egress_usd_per_gigabyte | data out to the internet, first paid tier; null where not read [USD/GB]
-- storage_usd_per_gigabyte_month | the provider's standard volume; null where not read [USD/(GB month)]
-- age_hours | age of the offer (marts.offers_latest) [h]
-- seen_at | when its origin last showed it [UTC]
-- source_time | when the source says its data were made [UTC]
-- is_stale | true where that is more than 72 hours, or twice the cadence of the source if that is longer
-- source_id | where it was read
-- is_witness | true if a better kind of source prices the same thing of this provider
-- correction_id | the correction of what was printed, null where nothing was corrected
-- source_url | the address that was asked
-- payload | the first 8 letters of the hash of the bytes it was read from
-- parameter: gpu_id | the accelerator
-- parameter: gpu_count | only instances of so many GPUs; any, if null [GPU]
-- parameter: purchase_model | only this one; any, if null
-- parameter: commitment_months | only commitments of this length; any, if null [month]
-- parameter: provider_id | only this provider; any, if null
-- parameter: area | only this area; any, if null
-- parameter: with_witnesses | whether to list offers that a better source also prices
-- parameter: include_stale | whether to list stale offers beside fresh ones
-- parameter: row_limit | how many rows at most
select
    usd_per_gpu_hour, usd_per_node_hour, gpu_count, provider_id, sku, region,
    purchase_model, commitment_months, market_tier, is_available, availability,
    interconnect, node_link, network, network_bits_per_second,
    egress_usd_per_gigabyte, storage_usd_per_gigabyte_month,
    round(age_hours, 1) as age_hours, seen_at, source_time, is_stale, source_id, is_witness,
    correction_id, source_url, payload_sha256[:8] as payload
from marts.offers_latest
where gpu_id = $gpu_id
    and ($gpu_count is null or gpu_count = $gpu_count)
    and ($purchase_model is null or purchase_model = $purchase_model)
    and ($commitment_months is null or commitment_months = $commitment_months)
    and ($provider_id is null or provider_id = $provider_id)
    and ($area is null or area = $area)
    and ($with_witnesses or not is_witness)
-- If nothing is fresh, the stale offers are shown with their age.
qualify $include_stale or not is_stale or bool_and(is_stale) over ()
-- What is sold out has no price at which one can buy.
order by is_available is not distinct from false, usd_per_gpu_hour, provider_id, sku, region, offer_key
limit $row_limit

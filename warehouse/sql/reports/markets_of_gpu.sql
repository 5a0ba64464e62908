-- One row per contract, market family and part of the world with a fresh price of an accelerator, most providers first.
-- purchase_model | on_demand, spot, reserved or capacity_block
-- market_family | hyperscaler, neocloud or marketplace
-- reference_region | us, europe or asia
-- provider_count | providers, of the term with most of them [1]
-- parameter: gpu_id | the accelerator
select purchase_model, market_family, reference_region, max(provider_count) as provider_count
from marts.gpu_price_now
where gpu_id = $gpu_id and market_family <> 'all'
group by purchase_model, market_family, reference_region
order by provider_count desc, purchase_model, market_family, reference_region

-- One row per provider price, with the class of the accelerator, see marts.provider_price_now.
-- gpu_id | the accelerator
-- gpu_class | its class
-- purchase_model | on_demand, spot, reserved or capacity_block
-- commitment_months | length of the commitment, null where there is none [month]
-- market_family | hyperscaler, neocloud or marketplace
-- reference_region | us, europe or asia
-- provider_id | the provider
-- usd_per_gpu_hour | its price [USD/(GPU h)]
-- age_days | age of the oldest offer behind it [d]
-- oldest_seen_at | when that was last shown [UTC]
-- source_kind | api, page, marketplace or feed
select
    p.gpu_id, g.gpu_class, p.purchase_model, p.commitment_months, p.market_family,
    p.reference_region, p.provider_id, p.usd_per_gpu_hour, p.age_days, p.oldest_seen_at,
    p.source_kind
from marts.provider_price_now as p
inner join core.gpu as g on p.gpu_id = g.gpu_id
order by
    p.gpu_id, p.purchase_model, p.commitment_months, p.market_family, p.reference_region,
    p.usd_per_gpu_hour, p.provider_id

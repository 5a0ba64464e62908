-- One row per current offer of a GPU.
-- parameter: gpu_id | the accelerator
-- gpu_id | the accelerator
-- offer_key | stable identity of the offer
-- usd_per_gpu_hour | price of one GPU for one hour [USD/(GPU h)]
-- usd_per_node_hour | price of the whole instance for one hour [USD/h]
-- gpu_count | GPUs of the instance [GPU]
-- provider_id | the provider
-- sku | id that the source gives to the offer
-- region | region as the provider names it
-- area | canonical area of the region
-- purchase_model | on_demand, spot, reserved or capacity_block
-- commitment_months | length of the commitment [month]
-- market_tier | hyperscaler, neocloud, marketplace_secure or marketplace_community
-- market_family | hyperscaler, neocloud or marketplace
-- is_available | whether the source says it is available, null where it says nothing
-- is_witness | true where a better kind of source prices the same thing of this provider
-- is_stale | true more than 30 hours after the last good answer, or where the feed itself is over 72 hours old
-- source_kind | api, page, marketplace or feed, best first
-- source_id | the source the price was read from
-- source_url | the address that was asked
-- seen_at | time of the last good answer that held it [UTC]
-- price_age_hours | age of the price: of the answer, and of the feed where it gives one [h]
-- payload_sha256 | hash of the bytes it was read from
-- provider_name | full name of the provider
-- place | rank by price among offers of the same provider, purchase model and commitment
select
    gpu_id, offer_key, usd_per_gpu_hour, usd_per_node_hour, gpu_count, provider_id, sku, region, area,
    purchase_model, commitment_months, market_tier, o.market_family, is_available, is_witness,
    is_stale, source_kind, source_id, source_url, seen_at,
    -- a feed says how old its own prices are
    age_hours + case
        when source_kind = 'feed' and source_time < seen_at
            then date_diff('minute', source_time, seen_at) / 60.0
        else 0
    end as price_age_hours,
    payload_sha256, coalesce(p.name, provider_id) as provider_name,
    row_number() over (
        partition by gpu_id, provider_id, purchase_model, commitment_months
        order by is_available is not distinct from false, usd_per_gpu_hour, sku, region
    ) as place
from marts.offers_latest as o
left join core.provider as p using (provider_id)
where gpu_id = $gpu_id
order by is_available is not distinct from false, usd_per_gpu_hour, provider_id, sku, region, offer_key

-- One row per published value of the index, revision, provider, rank of source and exclusion: an input of the value.
-- gpu_id | the accelerator
-- day | the day, with the prices at its end [UTC date]
-- purchase_model | on_demand, spot, reserved or capacity_block
-- commitment_months | length of the commitment, null where there is none [month]
-- market_family | hyperscaler, neocloud, marketplace_secure or marketplace_community
-- reference_region | us, europe or asia: where the offers are; null under methodology 1.0, which read all places together
-- methodology_version | version of the rules
-- revision | revision of the value
-- provider_id | the provider that rents it out; a marketplace is one contributor
-- source_kind | api, page, marketplace or feed
-- source_ids | the sources, in alphabetical order
-- median_usd_per_gpu_hour | median of the provider's offers of this kind of source [USD/(GPU h)]
-- offer_count | offers behind it
-- age_hours | age of the oldest price behind it at the end of the day [h]
-- offers_hash | hash of the offers and their prices, whatever their order
-- log_distance | how far from the middle of the contributors, in robust standard deviations [1]
-- exclusion | why it does not count: too_old, not_available, witness or trimmed; null where it counts
-- view
-- grows by: day
-- check: every price is above zero: select * from {this} where not median_usd_per_gpu_hour > 0
with opened as (
    select
        gpu_id, day, purchase_model, commitment_months, market_family, reference_region,
        methodology_version, revision, unnest(inputs) as input
    from marts.gpu_price_index_revision
)
select
    gpu_id,
    day,
    purchase_model,
    commitment_months,
    market_family,
    reference_region,
    methodology_version,
    revision,
    input.provider_id as provider_id,
    input.source_kind as source_kind,
    input.source_ids as source_ids,
    input.median_usd_per_gpu_hour as median_usd_per_gpu_hour,
    input.offer_count as offer_count,
    input.age_hours as age_hours,
    input.offers_hash as offers_hash,
    input.log_distance as log_distance,
    input.exclusion as exclusion
from opened

-- One row per belief that is held and may have been valid at the end of an affected day.
-- offer_key | stable identity of the offer
-- source_id | where we read it
-- request_key | the part of the source that it came with
-- source_kind | api, page, marketplace or feed
-- provider_id | the provider that rents it out
-- gpu_id | the accelerator
-- gpu_count | GPUs of the instance [GPU]
-- region | the provider's own region id
-- purchase_model | on_demand, spot, reserved or capacity_block
-- commitment_months | length of the commitment, null where there is none [month]
-- upfront_fraction | share of the commitment paid at the start [1]
-- market_tier | hyperscaler, neocloud, marketplace_secure or marketplace_community
-- usd_per_gpu_hour | price of one GPU for one hour [USD/(GPU h)]
-- is_available | whether the source reports capacity, null where it does not say
-- valid_from | since when the offer has had this price [UTC]
-- valid_to | until when, null while it is valid [UTC]
-- view
select
    offer_key, source_id, request_key, source_kind, provider_id, gpu_id, gpu_count, region,
    purchase_model, commitment_months, upfront_fraction, market_tier, usd_per_gpu_hour, is_available, valid_from, valid_to
from core.offer_price
where superseded_at is null and valid_to is null and gpu_id is not null
union all
-- A select of its own, so that the rows that ended before the affected days are not read.
select
    offer_key, source_id, request_key, source_kind, provider_id, gpu_id, gpu_count, region,
    purchase_model, commitment_months, upfront_fraction, market_tier, usd_per_gpu_hour, is_available, valid_from, valid_to
from core.offer_price
where
    superseded_at is null and gpu_id is not null
    and valid_to >= (
        select min(day) from staged.affected_day where entity = 'offer'
    ) + interval 1 day

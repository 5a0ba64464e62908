-- One row per published price that is to be read again from its bytes.
-- source_id | the source
-- capture_id | the capture that first showed the price, null where no capture is known
-- payload_sha256 | hash of the bytes
-- parser_version | version of the parser that read them
-- price_amount | the price as printed, also where it was corrected
-- provider_id | the provider that rents it out
-- sku | the source's own id
-- region | the provider's own region id
-- purchase_model | on_demand, spot, reserved or capacity_block
-- commitment_months | length of the commitment, null without one [month]
-- parameter: source_ids | the sources to sample
-- parameter: row_count | how many prices, spread over the sources
with chosen as (
    select * from core.offer_price
    where superseded_at is null and source_id in (select unnest($source_ids))
    qualify row_number() over (partition by source_id order by hash(offer_key))
        <= ceil($row_count / (select count(distinct source_id) from core.offer_price))
)
-- The capture that first showed the price, if it is known; else one of the same bytes.
select c.source_id, arg_max(w.capture_id, w.seen_at = c.valid_from) as capture_id,
    c.payload_sha256, c.parser_version,
    case when p.field = 'price_amount' then p.as_published::varchar::decimal(38, 18)
        else c.price_amount
    end as price_amount,
    c.provider_id, c.sku, c.region,
    c.purchase_model, c.commitment_months
from chosen as c
left join meta.capture as w using (source_id, payload_sha256)
left join core.price_correction as p using (correction_id)
group by all
order by all

-- One row per token price and the time it stood: every change of every price list.
-- api_source_id | the price list
-- api_provider_id | who serves the model
-- api_model_id | the model as printed
-- model_id | the reference model, null where the printed one is none of ours
-- variant | free, batch, ...; null for the plain endpoint
-- usd_per_million_input_tokens | list price of input [USD/10^6 token]
-- usd_per_million_output_tokens | list price of output [USD/10^6 token]
-- usd_per_million_cache_read_tokens | list price of input read from a cache [USD/10^6 token]
-- valid_from | since when it stood, as far as we saw [UTC]
-- valid_to | until when, null while it stands [UTC]
-- source_url | the address that was asked
-- payload_sha256 | hash of the bytes
-- view
with named as (
    select lower(model_name_printed) as folded, min(model_id) as model_id
    from core.model_alias
    where source_family = 'api'
    group by lower(model_name_printed)
    having count(distinct model_id) = 1
)
select
    p.source_id as api_source_id,
    p.api_provider_id,
    p.api_model_id,
    n.model_id,
    p.variant,
    p.usd_per_million_input_tokens,
    p.usd_per_million_output_tokens,
    p.usd_per_million_cache_read_tokens,
    p.valid_from,
    p.valid_to,
    p.source_url,
    p.payload_sha256
from core.api_price as p
left join named as n on lower(p.api_model_id) = n.folded
where p.superseded_at is null

-- One row per token price and the time it was valid: every change of every price list.
-- api_source_id | the price list
-- api_provider_id | who serves the model
-- api_model_id | the model as printed
-- model_id | the reference model, null where the printed one is not in core.model
-- variant | free, batch, priority, flex or off_peak; null for the plain endpoint
-- above_input_tokens | the price holds for longer prompts only; null where it holds for the shortest [token]
-- modality | audio, image or video, of the tokens priced; null for text
-- usd_per_million_input_tokens | list price of input [USD/10^6 token]
-- usd_per_million_output_tokens | list price of output [USD/10^6 token]
-- usd_per_million_cache_read_tokens | list price of input read from a cache [USD/10^6 token]
-- valid_from | since when it has been valid, as far as captures show [UTC]
-- valid_to | until when, null while it is valid [UTC]
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
    p.above_input_tokens,
    p.modality,
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

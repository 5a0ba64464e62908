-- One row per price list, API provider, model, variant and day (month ends and the newest).
-- api_source_id | the price list
-- api_provider_id | who serves the model
-- api_model_id | the model as printed
-- model_id | the reference model, null where the printed one is none of ours
-- relation | same, or fine_tune of the reference model
-- variant | free, batch, ...; null for the plain endpoint
-- day | the day, prices as they stood at its end [UTC date]
-- usd_per_million_input_tokens | list price of input [USD/10^6 token]
-- usd_per_million_output_tokens | list price of output [USD/10^6 token]
-- usd_per_million_cache_read_tokens | list price of input read from a cache [USD/10^6 token]
-- usd_per_million_tokens_blended | three parts input, one part output [USD/10^6 token]
-- context_tokens | longest context of the endpoint [token]
-- is_deprecated | true where the list says so
-- is_relisted | true where the provider id re-lists the hosts of others (openrouter, gateways)
-- valid_from | since when the price has stood, as far as we saw [UTC]
-- source_url | the address that was asked
-- payload_sha256 | hash of the bytes
-- check: select api_source_id, api_provider_id, api_model_id, variant, day from {this} group by all having count(*) > 1
-- check: select * from {this} where usd_per_million_input_tokens < 0 or usd_per_million_output_tokens < 0
with named as (
    select lower(model_name_printed) as folded, min(model_id) as model_id,
        min(relation) as relation
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
    n.relation,
    p.variant,
    d.day,
    p.usd_per_million_input_tokens,
    p.usd_per_million_output_tokens,
    p.usd_per_million_cache_read_tokens,
    (3 * p.usd_per_million_input_tokens + p.usd_per_million_output_tokens) / 4
        as usd_per_million_tokens_blended,
    p.context_tokens,
    p.is_deprecated,
    p.api_provider_id in ('openrouter', 'vercel_ai_gateway', 'aihubmix', 'kyma')
    or starts_with(p.api_provider_id, 'huggingface') as is_relisted,
    p.valid_from,
    p.source_url,
    p.payload_sha256
from core.api_price as p
inner join staged.api_price_day as d
    on
        p.valid_from < d.day + interval 1 day
        and (p.valid_to is null or p.valid_to >= d.day + interval 1 day)
left join named as n on lower(p.api_model_id) = n.folded
where p.superseded_at is null

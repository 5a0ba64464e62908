-- One row per price that an API provider asks for a model today: text at the plain endpoint, in lists that still show it, cheapest first.
-- parameter: model_id | the model
-- model_id | the reference model
-- api_provider_id | who serves the model
-- api_source_id | the price list
-- api_model_id | the model as printed
-- is_relisted | true where the provider re-lists the hosts of others
-- usd_per_1m_input | list price of input [USD/10^6 token]
-- usd_per_1m_output | list price of output [USD/10^6 token]
-- usd_per_1m_cached | list price of input read from a cache [USD/10^6 token]
-- usd_per_1m | three parts input, one part output [USD/10^6 token]
-- context_tokens | longest context of the endpoint [token]
-- confirmed_at | when the price was last confirmed, as far as captures show [UTC]
-- day | the day, with the prices at its end [UTC date]
select
    model_id, api_provider_id, api_source_id, api_model_id, is_relisted,
    usd_per_million_input_tokens as usd_per_1m_input,
    usd_per_million_output_tokens as usd_per_1m_output,
    usd_per_million_cache_read_tokens as usd_per_1m_cached,
    usd_per_million_tokens_blended as usd_per_1m, context_tokens, confirmed_at, day
from marts.api_price
where
    model_id = $model_id
    and is_plain and is_confirmed and not coalesce(is_deprecated, false) and relation = 'same'
    and usd_per_million_tokens_blended > 0
    and day = (select max(day) from marts.api_price)
order by model_id, usd_per_million_tokens_blended, api_provider_id, api_source_id, api_model_id

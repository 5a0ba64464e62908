-- One row per provider, wording and unit of the lines of a bill that name a model and its tokens.
-- api_provider_id | who serves the model
-- service | the service, as billed
-- meter | texts that describe the charge
-- unit | unit of the quantity, in small letters
-- api_model_ids | the ids that the provider's price lists have of the model
-- model | the shortest of them
-- kind | input, output, cache_read or cache_write
-- variant | batch, priority or flex; null for the plain endpoint
-- tokens_per_unit | tokens in one of the unit, null if it counts something else [token]
-- parameter: lines | the lines and their tokens, as JSON
with line as (
    select unnest($lines::json::json []) as said
)
select
    said ->> 'api_provider_id' as api_provider_id,
    said ->> 'service' as service,
    said ->> 'meter' as meter,
    said ->> 'unit' as unit,
    (said -> 'api_model_ids')::varchar [] as api_model_ids,
    said ->> 'model' as model,
    said ->> 'kind' as kind,
    said ->> 'variant' as variant,
    (said ->> 'tokens_per_unit')::double as tokens_per_unit
from line

-- One row per reference model that has a serving speed.
-- model_id | the model
-- name | full name
-- organization | developer
-- is_open_weights | true if the weights are published
-- parameters | number of parameters
-- active_parameters | number of parameters that one token uses
-- native_precision | precision of the published weights
-- context_limit_tokens | longest context [token]
-- published_on | publication date [date]
-- source_url | source of the first figure; meta.reference_value has the source of each figure
select
    model_id, name, organization, is_open_weights, parameters, active_parameters,
    native_precision, context_limit_tokens, published_on, source_url
from core.model
where model_id in (select model_id from marts.serving_point)
order by model_id

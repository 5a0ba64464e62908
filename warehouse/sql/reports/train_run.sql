-- One row per model of that name in the tables of Epoch AI, in the columns of train_models.
-- model_id | null: it is no reference model
-- name | the model, as Epoch AI prints it
-- epoch_model_name | the same
-- parameters | all parameters [parameter]
-- active_parameters | null: the tables do not have them [parameter]
-- training_tokens | null: the tables count data points of any kind [token]
-- training_flops | compute of its training [FLOP]
-- layers | null [1]
-- hidden_size | null [1]
-- attention_heads | null [1]
-- parameter: model | the model, as Epoch AI prints it
select null::varchar as model_id, model as "name", model as epoch_model_name, parameters,
    null::double as active_parameters, null::double as training_tokens, training_flops,
    null::double as layers, null::double as hidden_size, null::double as attention_heads
from core.training_run
where model = $model

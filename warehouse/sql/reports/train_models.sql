-- One row per reference model.
-- model_id | the model
-- name | its name
-- epoch_model_name | its name in the tables of Epoch AI, null where they lack it
-- parameters | all parameters [parameter]
-- active_parameters | parameters that a token passes [parameter]
-- training_tokens | tokens of its training [token]
-- training_flops | compute of its training [FLOP]
-- layers | layers [1]
-- hidden_size | width of a layer [1]
-- attention_heads | attention heads of a layer [1]
select model_id, name, epoch_model_name, parameters, active_parameters, training_tokens,
    training_flops, layers, hidden_size, attention_heads
from core.model

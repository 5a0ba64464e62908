-- One row per model whose training is costed.
-- model | the model, as Epoch AI prints it
select distinct model from marts.training_cost

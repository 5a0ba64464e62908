-- One row per method and basis of price: what the training of a model costs, as far as its run is known.
-- parameter: model_id | the model
-- model_id | the reference model
-- model | its name in the data of Epoch AI
-- method | amortized (hardware used up and energy), acquisition (the cluster), rental, or development (all runs and staff)
-- price_basis | the rules and prices of a vintage, or the prices of the day
-- hardware | chip, comma list where mixed
-- gpu_hours | GPU-hours that the cost is made of [GPU h]
-- gpu_hours_method | reported, quantity*time, compute/(peak*mfu) or none
-- usd | the cost in money of its day [USD]
-- low | 10th percentile of it [USD]
-- high | 90th percentile of it [USD]
-- confidence | high, medium or low: how much rests on what was reported
-- day | the day whose prices are used [date]
select
    m.model_id, c.model, c.method, c.price_basis, c.hardware, c.gpu_hours, c.gpu_hours_method,
    c.usd_nominal as usd, c.low_80 as low, c.high_80 as high, c.confidence, c.day
from core.model as m
inner join marts.training_cost as c on m.epoch_model_name = c.model
where m.model_id = $model_id
    and c.usd_nominal is not null
order by m.model_id, c.method, c.price_basis

-- One row per workload that some offered GPU set serves; chat first, then by number of models.
-- workload | what a request looks like, id of the scenario
-- models | models with such a set
select workload, count(distinct model_id) as models
from marts.inference_cost
where purchase_model = 'on_demand' and is_default_basis and evidence = 'market'
group by workload
order by workload = 'chat' desc, models desc, workload

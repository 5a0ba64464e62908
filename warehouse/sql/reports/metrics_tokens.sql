-- One row per model: the cheapest set of data-centre GPUs that serves chat at an interactive speed.
-- model_id | the language model
-- gpu_id | the accelerator
-- gpu_count | GPUs of one replica [GPU]
-- precision | number format of the weights
-- usd_per_1k_tokens | cost of 1,000 tokens on GPUs that are busy all the time [USD]
-- low | lower bound of the cost [USD]
-- high | upper bound of the cost [USD]
-- provider_count | providers behind the price of the GPU [1]
select model_id, gpu_id, gpu_count, precision, usd_per_1k_tokens, low, high, provider_count
from marts.inference_cost
where workload = 'chat' and service_level_id = 'interactive' and purchase_model = 'on_demand'
    and is_default_basis and evidence = 'market' and is_cheapest_set
    and gpu_id in (select gpu_id from core.gpu where gpu_class = 'data_center')
qualify row_number() over (
    partition by model_id order by usd_per_1k_tokens, gpu_id, gpu_count, precision
) = 1
order by model_id

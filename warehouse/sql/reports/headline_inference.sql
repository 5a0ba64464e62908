-- One row per model: the cheapest set of data-centre GPUs that serves chat at an interactive speed, of GPUs with three providers on the default basis.
-- model_id | the language model
-- gpu_id | the accelerator
-- gpu_count | GPUs of one replica [GPU]
-- precision | number format of the weights
-- usd_per_1k_tokens | cost of 1,000 tokens on GPUs that are busy all the time [USD]
-- low | lower bound of the cost [USD]
-- high | upper bound of the cost [USD]
-- provider_count | providers behind the price of the GPU [1]
-- set_provider_id | the cheapest provider that offers such a set
-- set_usd_per_gpu_hour | what it asks for a GPU of the set [USD/(GPU h)]
-- set_seen_at | when that was last shown [UTC]
-- tokens_per_second_per_user | speed that a user sees [token/s]
-- binding_limit | what limits the throughput
-- parameter: model_ids | the models to list
select model_id, gpu_id, gpu_count, precision, usd_per_1k_tokens, low, high, provider_count,
    set_provider_id, set_usd_per_gpu_hour, set_seen_at, tokens_per_second_per_user, binding_limit
from marts.inference_cost
where workload = 'chat' and service_level_id = 'interactive'
    and purchase_model = 'on_demand' and list_contains($model_ids, model_id)
    and is_default_basis and evidence = 'market' and is_cheapest_set
    and gpu_id in (select gpu_id from core.gpu where gpu_class = 'data_center')
qualify row_number() over (partition by model_id order by usd_per_1k_tokens) = 1
order by usd_per_1k_tokens

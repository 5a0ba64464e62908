-- One row per model, at most one: the cheapest set that serves it at a pace, by prices of three providers or more.
-- gpu_id | the accelerator
-- gpu_count | GPUs of one replica [GPU]
-- precision | number format of the weights
-- usd_per_gpu_hour | price of one GPU [USD/(GPU h)]
-- provider_count | providers behind the price [1]
-- tokens_per_second_per_gpu | input and output tokens of the full replica over its GPUs [token/(s GPU)]
-- usd_per_1k_tokens | cost, the replica always full [USD/10^3 token]
-- low | lower end of its 80 % interval [USD/10^3 token]
-- high | upper end of its 80 % interval [USD/10^3 token]
-- input_tokens | prompt of a request [token]
-- output_tokens | answer of a request [token]
-- parameter: model_id | the model
-- parameter: workload | what a request looks like
-- parameter: service_level_id | how fast one user wants the answer
select
    gpu_id, gpu_count, "precision", usd_per_gpu_hour, provider_count, tokens_per_second_per_gpu,
    usd_per_1k_tokens, low, high, input_tokens, output_tokens
from marts.inference_cost
where
    model_id = $model_id and workload = $workload and service_level_id = $service_level_id
    and purchase_model = 'on_demand' and is_default_basis and evidence = 'market'
order by usd_per_1k_tokens, gpu_id, gpu_count, "precision"
limit 1

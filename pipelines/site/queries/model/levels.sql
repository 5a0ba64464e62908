-- One row per kind of request and pace: the GPU set with the cheapest tokens of a model, of GPUs with three providers on the default basis.
-- parameter: model_id | the model
-- model_id | the model served
-- workload | what a request looks like, id of the scenario
-- service_level_id | how fast one user wants the answer
-- gpu_id | the accelerator
-- gpu_count | GPUs of one replica [GPU]
-- precision | number format of the weights
-- usd_per_1m | blended price, replica always full [USD/10^6 token]
-- low | low end of 80 % of the blended price [USD/10^6 token]
-- high | high end of 80 % of the blended price [USD/10^6 token]
-- usd_per_1m_provisioned | blended price at the utilisation of a fleet sized for its peak [USD/10^6 token]
-- tokens_per_second_per_user | pace of the answer [token/s]
-- watt_hours_per_request | energy of one request, the replica always full [W h]
-- is_extrapolated | true beyond the range of sizes and lengths that was measured
-- provider_count | independent providers behind the price of the GPU
-- day | the day, with the prices at its end [UTC date]
select
    model_id, workload, service_level_id, gpu_id, gpu_count, precision,
    usd_per_1k_tokens * 1000 as usd_per_1m, low * 1000 as low, high * 1000 as high,
    usd_per_1k_tokens_provisioned * 1000 as usd_per_1m_provisioned, tokens_per_second_per_user,
    watt_hours_per_request, is_extrapolated, provider_count, day
from marts.inference_cost
where
    model_id = $model_id
    and is_cheapest_set and purchase_model = 'on_demand' and is_default_basis
    and evidence = 'market'
qualify row_number() over (
    partition by model_id, workload, service_level_id
    order by usd_per_1k_tokens, gpu_id, gpu_count, precision
) = 1
order by model_id, workload, usd_per_1k_tokens, service_level_id

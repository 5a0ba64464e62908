-- One row per GPU that serves a model in chats at an interactive pace: the set with the cheapest tokens that somebody offers on demand, on the default basis.
-- parameter: model_id | the model
-- model_id | the model served
-- gpu_id | the accelerator
-- gpu_count | GPUs of one replica [GPU]
-- precision | number format of the weights
-- smallest_gpu_count | fewest GPUs that hold the model at any precision, offered or not [GPU]
-- usd_per_1m_input | price of input tokens, replica always full [USD/10^6 token]
-- usd_per_1m_output | price of output tokens, replica always full [USD/10^6 token]
-- usd_per_1m | blended price, replica always full [USD/10^6 token]
-- low | low end of 80 % of the blended price [USD/10^6 token]
-- high | high end of 80 % of the blended price [USD/10^6 token]
-- tokens_per_second_per_user | pace of the answer [token/s]
-- time_to_first_token_seconds | with a full replica and no request waiting for memory [s]
-- is_extrapolated | true beyond the range of sizes and lengths that was measured
-- evidence | market: three providers or more; thin: fewer, for no ranking
-- provider_count | independent providers behind the price of the GPU
-- set_provider_id | the cheapest provider that offers such a set
-- set_usd_per_gpu_hour | what it asks for a GPU of the set [USD/(GPU h)]
-- day | the day, with the prices at its end [UTC date]
with smallest as (
    select model_id, gpu_id, min(gpu_count) as smallest_gpu_count
    from marts.serving_point
    group by model_id, gpu_id
)
select
    i.model_id, i.gpu_id, i.gpu_count, i.precision, s.smallest_gpu_count,
    i.usd_per_1k_input_tokens * 1000 as usd_per_1m_input,
    i.usd_per_1k_output_tokens * 1000 as usd_per_1m_output,
    i.usd_per_1k_tokens * 1000 as usd_per_1m, i.low * 1000 as low, i.high * 1000 as high,
    i.tokens_per_second_per_user, i.time_to_first_token_seconds, i.is_extrapolated, i.evidence,
    i.provider_count, i.set_provider_id, i.set_usd_per_gpu_hour, i.day
from marts.inference_cost as i
left join smallest as s on i.model_id = s.model_id and i.gpu_id = s.gpu_id
where
    i.model_id = $model_id
    and i.is_cheapest_set and i.workload = 'chat' and i.service_level_id = 'interactive'
    and i.purchase_model = 'on_demand' and i.is_default_basis
order by i.model_id, i.evidence, i.usd_per_1k_tokens, i.gpu_id

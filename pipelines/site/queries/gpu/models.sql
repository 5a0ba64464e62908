-- One row per model that a GPU serves in chats at an interactive pace: its cheapest set that somebody offers on demand, and its place among all GPUs.
-- parameter: gpu_id | the accelerator
-- gpu_id | the accelerator
-- model_id | the model served
-- gpu_count | GPUs of one replica [GPU]
-- precision | number format of the weights
-- usd_per_1m | blended price, replica always full [USD/10^6 token]
-- low | low end of 80 % of it [USD/10^6 token]
-- high | high end of 80 % of it [USD/10^6 token]
-- tokens_per_second_per_user | pace of the answer [token/s]
-- place | 1 where no GPU with three providers serves the model cheaper [1]
-- ranked_count | GPUs with three providers that serve it
-- provider_count | independent providers behind the price of the GPU
-- is_extrapolated | true beyond the range of sizes and lengths that was measured
-- day | the day, with the prices at its end [UTC date]
with served as (
    select
        gpu_id, model_id, gpu_count, precision, usd_per_1k_tokens * 1000 as usd_per_1m,
        low * 1000 as low, high * 1000 as high, tokens_per_second_per_user,
        rank() over (partition by model_id order by usd_per_1k_tokens) as place,
        count(*) over (partition by model_id) as ranked_count, provider_count, is_extrapolated, day
    from marts.inference_cost
    where
        is_cheapest_set and workload = 'chat' and service_level_id = 'interactive'
        and purchase_model = 'on_demand' and is_default_basis and evidence = 'market'
)
select
    gpu_id, model_id, gpu_count, precision, usd_per_1m, low, high, tokens_per_second_per_user,
    place, ranked_count, provider_count, is_extrapolated, day
from served
where gpu_id = $gpu_id
order by gpu_id, place, usd_per_1m, model_id

-- One row per model, service level and GPU: its cheapest set for chat, of data-centre GPUs with three providers.
-- model_id | the model served
-- service_level_id | how fast one user wants the answer
-- gpu_id | the accelerator
-- gpu_count | GPUs of one replica [GPU]
-- precision | number format
-- tokens_per_second_per_user | pace of the answer [token/s]
-- usd_per_gpu_hour | middle of the providers, or what the cheapest seller of the set asks where that is more [USD/(GPU h)]
-- usd_per_gpu_hour_low | lower end of 80 % of what the next seller asks [USD/(GPU h)]
-- usd_per_gpu_hour_high | upper end of it [USD/(GPU h)]
-- usd_per_1k_input_tokens | input at its share of the time, the replica always full [USD/10^3 token]
-- usd_per_1k_output_tokens | output at its share of the time, the replica always full [USD/10^3 token]
-- low_share | lower end of 80 % over the cost [1]
-- high_share | upper end of 80 % over the cost [1]
-- day | day of the prices [UTC date]
select
    i.model_id, i.service_level_id, i.gpu_id, i.gpu_count, i.precision,
    i.tokens_per_second_per_user, i.usd_per_gpu_hour, i.usd_per_gpu_hour_low,
    i.usd_per_gpu_hour_high, i.usd_per_1k_input_tokens, i.usd_per_1k_output_tokens, i.low / i.usd_per_1k_tokens as low_share,
    i.high / i.usd_per_1k_tokens as high_share, i.day
from marts.inference_cost as i
inner join core.gpu as g on i.gpu_id = g.gpu_id and g.gpu_class = 'data_center'
where i.is_cheapest_set and i.workload = 'chat' and i.purchase_model = 'on_demand'
    and i.is_default_basis and i.evidence = 'market'
order by i.model_id, i.service_level_id, i.usd_per_1k_tokens

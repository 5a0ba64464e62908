-- One row per offered GPU set that no other beats on both price and pace, in steps of 5 % of pace, of GPUs with three providers on the default basis.
-- parameter: workload | the workload
-- model_id | the model served
-- workload | what a request looks like, id of the scenario
-- gpu_id | the accelerator
-- gpu_count | GPUs of one replica [GPU]
-- precision | number format
-- service_level_id | how fast one user wants the answer
-- usd_per_1m_output | price of output tokens, replica always full [USD/10^6 token]
-- output_low | low end of 80 % of it [USD/10^6 token]
-- output_high | high end of 80 % of it [USD/10^6 token]
-- tokens_per_second_per_user | pace of the answer [token/s]
-- provider_count | independent providers behind the value
-- day | the day, with the prices at its end [UTC date]
-- architecture | chip architecture
select
    i.model_id, i.workload, i.gpu_id, i.gpu_count, i.precision, i.service_level_id,
    i.usd_per_1k_output_tokens * 1000 as usd_per_1m_output,
    i.usd_per_1k_output_tokens * 1000 * i.low / i.usd_per_1k_tokens as output_low,
    i.usd_per_1k_output_tokens * 1000 * i.high / i.usd_per_1k_tokens as output_high,
    i.tokens_per_second_per_user, i.provider_count, i.day, g.architecture
from marts.inference_cost as i
left join core.gpu as g on i.gpu_id = g.gpu_id
where i.purchase_model = 'on_demand' and i.is_default_basis and i.evidence = 'market'
    and i.workload = $workload
qualify i.tokens_per_second_per_user > 1.05 * coalesce(
    max(i.tokens_per_second_per_user) over (
        partition by i.model_id
        order by
            i.usd_per_1k_output_tokens, i.tokens_per_second_per_user desc, i.gpu_id, i.gpu_count,
            i.precision, i.service_level_id
        rows between unbounded preceding and 1 preceding
    ),
    0
)
order by i.model_id, i.usd_per_1k_output_tokens, i.gpu_id, i.gpu_count, i.precision

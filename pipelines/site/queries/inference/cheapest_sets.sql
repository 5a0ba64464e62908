-- One row per model and workload: the cheapest GPU set of a service level today, of data-centre GPUs with three providers on the default basis.
-- parameter: level | the service level
-- model_id | the model served
-- workload | what a request looks like, id of the scenario
-- service_level_id | how fast one user wants the answer
-- gpu_id | the accelerator
-- gpu_count | GPUs of one replica [GPU]
-- precision | number format
-- purchase_model | on_demand, spot, reserved or capacity_block
-- usd_per_1m_input | price of input tokens, replica always full [USD/10^6 token]
-- usd_per_1m_output | price of output tokens, replica always full [USD/10^6 token]
-- usd_per_1m | blended price, replica always full [USD/10^6 token]
-- low | low end of 80 % of the blended price [USD/10^6 token]
-- high | high end of 80 % of the blended price [USD/10^6 token]
-- usd_per_1m_provisioned | blended price at the utilisation of a fleet sized for its peak [USD/10^6 token]
-- fleet_utilisation_fraction | mean over peak demand of a fleet sized for its peak [1]
-- tokens_per_second_per_user | pace of the answer [token/s]
-- tokens_per_second_per_gpu | input and output tokens of the full replica over its GPUs [token/(s GPU)]
-- binding_limit | compute, bandwidth, memory, communication or overhead
-- is_extrapolated | true beyond the range of sizes and lengths that was measured
-- usd_per_gpu_hour | middle of the providers' prices [USD/(GPU h)]
-- set_provider_id | the cheapest provider that offers such a set
-- set_usd_per_gpu_hour | what it asks for a GPU of the set [USD/(GPU h)]
-- set_seen_at | when that was last shown [UTC]
-- provider_count | independent providers behind the value
-- day | the day, with the prices at its end [UTC date]
select
    i.model_id, i.workload, i.service_level_id, i.gpu_id, i.gpu_count, i.precision,
    i.purchase_model, i.usd_per_1k_input_tokens * 1000 as usd_per_1m_input,
    i.usd_per_1k_output_tokens * 1000 as usd_per_1m_output,
    i.usd_per_1k_tokens * 1000 as usd_per_1m, i.low * 1000 as low, i.high * 1000 as high,
    i.usd_per_1k_tokens_provisioned * 1000 as usd_per_1m_provisioned,
    i.fleet_utilisation_fraction, i.tokens_per_second_per_user, i.tokens_per_second_per_gpu,
    i.binding_limit, i.is_extrapolated, i.usd_per_gpu_hour, i.set_provider_id,
    i.set_usd_per_gpu_hour, i.set_seen_at, i.provider_count, i.day
from marts.inference_cost as i
inner join core.gpu as g on i.gpu_id = g.gpu_id and g.gpu_class = 'data_center'
where i.is_cheapest_set and i.service_level_id = $level
    and i.purchase_model = 'on_demand' and i.is_default_basis and i.evidence = 'market'
qualify row_number() over (
    partition by i.model_id, i.workload, i.service_level_id order by i.usd_per_1k_tokens
) = 1
order by i.model_id, i.workload, i.usd_per_1k_tokens

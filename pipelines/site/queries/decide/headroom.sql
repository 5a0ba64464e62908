-- One row per ratio of peak to mean demand: the price of tokens of one model.
-- model_id | the model served
-- gpu_id | the accelerator
-- gpu_count | GPUs of one replica [GPU]
-- precision | number format of the weights
-- workload | the workload
-- provider_count | independent providers behind the value
-- day | day of the prices [UTC date]
-- peak_over_mean | peak demand over mean demand [1]
-- usd_per_1m_tokens | blended price, fleet sized for the peak [USD/10^6 token]
-- low | low end of 80 % of it [USD/10^6 token]
-- high | high end of 80 % of it [USD/10^6 token]
with set_of_most_listed as (
    select model_id, gpu_id, gpu_count, precision, workload, usd_per_1k_tokens, low, high,
        provider_count, day
    from marts.inference_cost
    where is_cheapest_set and purchase_model = 'on_demand' and is_default_basis
        and evidence = 'market' and service_level_id = 'interactive'
    order by model_id = 'llama-3.3-70b' desc, workload = 'balanced' desc, usd_per_1k_tokens
    limit 1
)
select
    s.model_id, s.gpu_id, s.gpu_count, s.precision, s.workload, s.provider_count, s.day,
    p.peak_over_mean,
    s.usd_per_1k_tokens * 1000 * p.peak_over_mean as usd_per_1m_tokens,
    s.low * 1000 * p.peak_over_mean as low,
    s.high * 1000 * p.peak_over_mean as high
from set_of_most_listed as s
cross join (select unnest(range(1, 11)) as peak_over_mean) as p
order by p.peak_over_mean

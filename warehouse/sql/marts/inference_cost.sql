-- One row per model, GPU set, precision, workload, service level, purchase model, commitment and day (the newest day in full; month ends with the cheapest set; any other day: inference_cost_on(day)).
-- model_id | the model served
-- gpu_id | the accelerator
-- gpu_count | GPUs of one replica [GPU]
-- precision | number format of the weights
-- workload_id | what a request looks like, id of the scenario
-- workload | the same, by the name of the public interface
-- service_level_id | how fast one user wants the answer
-- purchase_model | on_demand, spot, reserved or capacity_block
-- commitment_months | length of the commitment, null where there is none [month]
-- day | the day, prices as they stood at its end [UTC date]
-- method | calibrated: roofline of every step with fitted constants
-- usd_per_gpu_hour | median price over all market families [USD/(GPU h)]
-- provider_count | independent providers behind the price
-- input_tokens | prompt of a request [token]
-- output_tokens | answer of a request [token]
-- tokens_per_second_per_gpu | input and output tokens of the full replica over its GPUs [token/(s GPU)]
-- tokens_per_second_per_user | pace of the answer [token/s]
-- time_to_first_token_seconds | with the replica full and nobody waiting for memory [s]
-- prefill_fraction | share of the replica's time that prompts take [1]
-- usd_per_1k_input_tokens | input at its share of the time, the replica always full [USD/10^3 token]
-- usd_per_1k_output_tokens | output at its share of the time, the replica always full [USD/10^3 token]
-- usd_per_1k_tokens | input and output alike, the replica always full [USD/10^3 token]
-- low | lower end of 80 % of usd_per_1k_tokens: spread of prices and error of the model [USD/10^3 token]
-- high | upper end of 80 % of usd_per_1k_tokens [USD/10^3 token]
-- utilisation_fraction | mean over peak demand of a fleet sized for its peak [1]
-- usd_per_1k_tokens_provisioned | usd_per_1k_tokens at that utilisation [USD/10^3 token]
-- watt_hours_per_1k_tokens | energy, the replica always full [W h/10^3 token]
-- watt_hours_per_request | energy of one request, the replica always full [W h]
-- binding_limit | compute, bandwidth, memory, communication or overhead
-- is_efficient | true where no other set, precision or level of this model, GPU and workload is both cheaper and faster
-- is_cheapest_set | true for the set and precision with the cheapest tokens at this service level
-- is_extrapolated | true beyond the range of sizes and lengths that was measured
-- view
-- depends on: marts.gpu_price_daily, marts.serving_point, meta.reference_value
-- grows by: day
-- check: select model_id, gpu_id, gpu_count, precision, workload_id, service_level_id, purchase_model, commitment_months, day from {this} group by all having count(*) > 1
-- check: select * from {this} where not (0 < low and low <= usd_per_1k_tokens * (1 + 1e-12) and usd_per_1k_tokens <= high * (1 + 1e-12))
-- check: select * from {this} where abs(usd_per_1k_input_tokens * input_tokens + usd_per_1k_output_tokens * output_tokens - usd_per_1k_tokens * (input_tokens + output_tokens)) > 1e-9 * usd_per_1k_tokens * (input_tokens + output_tokens)
select *
from inference_cost_of((
    select list(day)
    from (
        select max(day) as day
        from marts.gpu_price_daily
        group by date_trunc('month', day)
    ) as month_end
))
where is_cheapest_set or day = (select max(day) from marts.gpu_price_daily)

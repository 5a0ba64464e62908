-- One row per model, GPU set that somebody offers, precision, workload, service level, contract, market family and part of the world: what tokens cost now. A past day: inference_cost_on(day).
-- model_id | the model served
-- gpu_id | the accelerator
-- gpu_count | GPUs of one replica [GPU]
-- precision | number format of the weights
-- workload | what a request looks like, id of the scenario
-- service_level_id | how fast one user wants the answer
-- purchase_model | on_demand, spot, reserved or capacity_block
-- commitment_months | length of the commitment, null where there is none [month]
-- market_family | whose prices: hyperscaler, neocloud, marketplace, or all of them together
-- reference_region | us, europe or asia
-- is_default_basis | true for the family and part of the world that a cost rests on unless something else is asked for
-- day | the day of the prices [UTC date]
-- usd_per_gpu_hour | middle of the providers' prices, or what the cheapest seller of the set asks where that is more [USD/(GPU h)]
-- usd_per_gpu_hour_low | lower end of 80 % of what the next seller asks [USD/(GPU h)]
-- usd_per_gpu_hour_high | upper end of it [USD/(GPU h)]
-- provider_count | providers with a fresh price [1]
-- oldest_seen_at | when the oldest of the prices was last shown [UTC]
-- evidence | market: three providers or more; thin: fewer, for no ranking
-- set_provider_count | providers that offer such a set [1]
-- set_provider_id | the cheapest of them
-- set_usd_per_gpu_hour | what it asks for a GPU of the set [USD/(GPU h)]
-- set_seen_at | when that was last shown [UTC]
-- method | calibrated: roofline of every step with fitted constants
-- input_tokens | prompt of a request [token]
-- output_tokens | answer of a request [token]
-- tokens_per_second_per_gpu | input and output tokens of the full replica over its GPUs [token/(s GPU)]
-- tokens_per_second_per_user | pace of the answer [token/s]
-- time_to_first_token_seconds | with a full replica and no request waiting for memory [s]
-- prefill_fraction | share of the replica's time that prompts take [1]
-- usd_per_1k_input_tokens | input at its share of the time, the replica always full [USD/10^3 token]
-- usd_per_1k_output_tokens | output at its share of the time, the replica always full [USD/10^3 token]
-- usd_per_1k_tokens | input and output alike, the replica always full [USD/10^3 token]
-- low | lower end of 80 % of usd_per_1k_tokens: spread of prices and error of the model [USD/10^3 token]
-- high | upper end of 80 % of usd_per_1k_tokens [USD/10^3 token]
-- fleet_utilisation_fraction | mean over peak demand of a fleet sized for its peak [1]
-- usd_per_1k_tokens_provisioned | usd_per_1k_tokens at that utilisation [USD/10^3 token]
-- watt_hours_per_1k_tokens | energy, the replica always full [W h/10^3 token]
-- watt_hours_per_request | energy of one request, the replica always full [W h]
-- binding_limit | compute, bandwidth, memory, communication or overhead
-- is_efficient | true where no other set, precision or level of this model, GPU and workload is both cheaper and faster, whether somebody offers it or not
-- is_cheapest_set | true for the offered set and precision of this GPU with the cheapest tokens at this service level
-- is_extrapolated | true beyond the range of sizes and lengths that was measured
-- view
-- check: each row is there once: select model_id, gpu_id, gpu_count, precision, workload, service_level_id, purchase_model, commitment_months, market_family, reference_region from {this} group by all having count(*) > 1
-- check: the cost lies in its interval: select * from {this} where not (0 < low and low <= usd_per_1k_tokens * (1 + 1e-12) and usd_per_1k_tokens <= high * (1 + 1e-12))
-- check: input and output add up to the whole: select * from {this} where abs(usd_per_1k_input_tokens * input_tokens + usd_per_1k_output_tokens * output_tokens - usd_per_1k_tokens * (input_tokens + output_tokens)) > 1e-9 * usd_per_1k_tokens * (input_tokens + output_tokens)
with fleet as (
    select max(cast(value as double)) as fleet_utilisation_fraction
    from meta.reference_value
    where subject_kind = 'scenario' and subject = 'fleet' and field = 'central_fraction'
),
set_offer as (
    from marts.gpu_set_offer
    union all by name
    select * replace ('all' as market_family) from marts.gpu_set_offer
),
gpu_set as (
    select
        gpu_id, gpu_count, purchase_model, commitment_months, market_family, reference_region,
        count(distinct provider_id) as set_provider_count,
        arg_min(provider_id, (usd_per_gpu_hour, provider_id)) as set_provider_id,
        min(usd_per_gpu_hour) as set_usd_per_gpu_hour,
        arg_min(seen_at, (usd_per_gpu_hour, provider_id)) as set_seen_at
    from set_offer
    group by
        gpu_id, gpu_count, purchase_model, commitment_months, market_family, reference_region
),
offered as (
    select
        p.*, greatest(1, o.set_usd_per_gpu_hour / p.middle_usd_per_gpu_hour) as set_factor,
        o.gpu_count, o.set_provider_count, o.set_provider_id, o.set_usd_per_gpu_hour,
        o.set_seen_at
    from marts.gpu_price_now as p
    inner join gpu_set as o
        on
            p.gpu_id = o.gpu_id and p.purchase_model = o.purchase_model
            and p.commitment_months is not distinct from o.commitment_months
            and p.market_family = o.market_family and p.reference_region = o.reference_region
    where p.commitment_months is null or p.commitment_months in (12, 36)
),
cost as (
    select
        s.*, o.purchase_model, o.commitment_months, o.market_family, o.reference_region,
        o.is_default_basis, o.day, o.middle_usd_per_gpu_hour * o.set_factor as usd_per_gpu_hour,
        o.ask_low_usd_per_gpu_hour * o.set_factor as usd_per_gpu_hour_low,
        o.ask_high_usd_per_gpu_hour * o.set_factor as usd_per_gpu_hour_high, o.provider_count,
        o.oldest_seen_at, o.evidence, o.set_provider_count, o.set_provider_id,
        o.set_usd_per_gpu_hour, o.set_seen_at, f.fleet_utilisation_fraction,
        serving_usd_per_1k_tokens(
            o.middle_usd_per_gpu_hour * o.set_factor, s.tokens_per_second_per_gpu
        ) as usd_per_1k_tokens,
        -- Logarithms, because errors are factors.
        sqrt(
            power(ln(o.ask_high_usd_per_gpu_hour / o.middle_usd_per_gpu_hour), 2)
            + power(interval_80_deviations() * s.error_log_sd, 2)
        ) as half_width_ln
    from marts.serving_point as s
    inner join offered as o on s.gpu_id = o.gpu_id and s.gpu_count = o.gpu_count
    cross join fleet as f
)
select
    model_id,
    gpu_id,
    gpu_count,
    precision,
    workload,
    service_level_id,
    purchase_model,
    commitment_months,
    market_family,
    reference_region,
    is_default_basis,
    day,
    method,
    usd_per_gpu_hour,
    usd_per_gpu_hour_low,
    usd_per_gpu_hour_high,
    provider_count,
    oldest_seen_at,
    evidence,
    set_provider_count,
    set_provider_id,
    set_usd_per_gpu_hour,
    set_seen_at,
    input_tokens,
    output_tokens,
    tokens_per_second_per_gpu,
    tokens_per_second_per_user,
    time_to_first_token_seconds,
    prefill_fraction,
    usd_per_1k_tokens * (input_tokens + output_tokens) * prefill_fraction / input_tokens
        as usd_per_1k_input_tokens,
    usd_per_1k_tokens * (input_tokens + output_tokens) * (1 - prefill_fraction) / output_tokens
        as usd_per_1k_output_tokens,
    usd_per_1k_tokens,
    usd_per_1k_tokens * exp(-half_width_ln) as low,
    usd_per_1k_tokens * exp(half_width_ln) as high,
    fleet_utilisation_fraction,
    usd_per_1k_tokens / fleet_utilisation_fraction as usd_per_1k_tokens_provisioned,
    watt_hours_per_1k_tokens,
    watt_hours_per_request,
    binding_limit,
    is_efficient,
    -- The last two follow from the others: a condition on them goes before the sort.
    row_number() over (
        partition by
            model_id, gpu_id, workload, service_level_id, purchase_model, commitment_months,
            market_family, reference_region, is_default_basis, evidence
        order by usd_per_1k_tokens, gpu_count, precision
    ) = 1 as is_cheapest_set,
    is_extrapolated
from cost

-- What serving cost on a list of days, at the prices of neoclouds on each: marts.inference_cost has today, with part of the world and offered sets.
create or replace macro inference_cost_of(days) as table
    with price as (
        select
            gpu_id, day, purchase_model, commitment_months, median_usd_per_gpu_hour,
            provider_count,
            -- p10 to p90 is 80 % of the prices; logarithms, because errors are factors
            ln(median_usd_per_gpu_hour / p10_usd_per_gpu_hour) as below_ln,
            ln(p90_usd_per_gpu_hour / median_usd_per_gpu_hour) as above_ln
        from marts.gpu_price_daily
        where market_family = 'neocloud' and day in (select unnest(days))
            and median_usd_per_gpu_hour is not null
            and (commitment_months is null or commitment_months in (12, 36))
    ),
    fleet as (
        select max(cast(value as double)) as fleet_utilisation_fraction
        from meta.reference_value
        where subject_kind = 'scenario' and subject = 'fleet' and field = 'central_fraction'
    ),
    cost as (
        select
            s.model_id, s.gpu_id, s.gpu_count, s.precision, s.workload, s.service_level_id,
            p.purchase_model, p.commitment_months, p.day, s.method,
            p.median_usd_per_gpu_hour as usd_per_gpu_hour, p.provider_count,
            s.input_tokens, s.output_tokens, s.tokens_per_second_per_gpu,
            s.tokens_per_second_per_user, s.time_to_first_token_seconds, s.prefill_fraction,
            serving_usd_per_1k_tokens(p.median_usd_per_gpu_hour, s.tokens_per_second_per_gpu)
                as usd_per_1k_tokens,
            sqrt(power(p.below_ln, 2) + power(interval_80_deviations() * s.error_log_sd, 2)) as below_ln,
            sqrt(power(p.above_ln, 2) + power(interval_80_deviations() * s.error_log_sd, 2)) as above_ln,
            f.fleet_utilisation_fraction,
            -- energy grows with the power that was assumed on the day
            s.watt_hours_per_1k_tokens * coalesce(w.facility_watts / s.facility_watts, 1)
                as watt_hours_per_1k_tokens,
            s.watt_hours_per_request * coalesce(w.facility_watts / s.facility_watts, 1)
                as watt_hours_per_request,
            s.binding_limit, s.is_efficient, s.is_cheapest_set, s.is_extrapolated
        from marts.serving_point as s
        inner join price as p on s.gpu_id = p.gpu_id
        cross join fleet as f
        asof left join core.former_facility_power as w
            on s.gpu_id = w.gpu_id and p.day < w.valid_to
    )
    select
        model_id, gpu_id, gpu_count, precision, workload,
        service_level_id, purchase_model,
        commitment_months, day, method, usd_per_gpu_hour, provider_count, input_tokens,
        output_tokens, tokens_per_second_per_gpu, tokens_per_second_per_user,
        time_to_first_token_seconds, prefill_fraction,
        usd_per_1k_tokens * (input_tokens + output_tokens) * prefill_fraction / input_tokens
            as usd_per_1k_input_tokens,
        usd_per_1k_tokens * (input_tokens + output_tokens) * (1 - prefill_fraction)
            / output_tokens as usd_per_1k_output_tokens,
        usd_per_1k_tokens,
        usd_per_1k_tokens * exp(-below_ln) as low,
        usd_per_1k_tokens * exp(above_ln) as high,
        fleet_utilisation_fraction,
        usd_per_1k_tokens / fleet_utilisation_fraction as usd_per_1k_tokens_provisioned,
        watt_hours_per_1k_tokens, watt_hours_per_request, binding_limit, is_efficient,
        is_cheapest_set, is_extrapolated
    from cost;

-- What serving cost on a day, every set.
create or replace macro inference_cost_on(on_day) as table
    from inference_cost_of([cast(on_day as date)]);

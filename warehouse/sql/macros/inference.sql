-- The sums of cost_engine.inference in SQL; a test holds them equal.
create or replace macro serving_usd_per_1k_tokens(
    usd_per_gpu_hour, tokens_per_second_per_gpu, utilisation_fraction := 1.0
) as usd_per_gpu_hour * 1e6 / (3600.0 * tokens_per_second_per_gpu) / 1e3 / utilisation_fraction;

create or replace macro usd_per_exaflop(
    usd_per_gpu_hour, flops_per_second, utilisation_fraction := 1.0
) as usd_per_gpu_hour / 3600.0 * 1e18 / flops_per_second / utilisation_fraction;

create or replace macro watt_hours_per_1k_tokens(
    facility_watts_per_gpu, tokens_per_second_per_gpu, utilisation_fraction := 1.0,
    idle_power_fraction := 0.3
) as facility_watts_per_gpu
    * (utilisation_fraction + (1 - utilisation_fraction) * idle_power_fraction) / 3600.0 * 1e3
    / (tokens_per_second_per_gpu * utilisation_fraction);

create or replace macro margin_fraction(cost, price) as 1 - cost / price;

create or replace macro markup_fraction(cost, price) as price / cost - 1;

-- What serving cost on a list of days, at the prices of each.
create or replace macro inference_cost_of(days) as table
    with price as (
        select
            gpu_id, day, purchase_model, commitment_months, median_usd_per_gpu_hour,
            provider_count,
            -- p10 to p90 is 80 % of the prices; logarithms, because errors are factors
            ln(median_usd_per_gpu_hour / p10_usd_per_gpu_hour) as below_ln,
            ln(p90_usd_per_gpu_hour / median_usd_per_gpu_hour) as above_ln
        from marts.gpu_price_daily
        where market_family = 'all' and day in (select unnest(days))
            and (commitment_months is null or commitment_months in (12, 36))
    ),
    fleet as (
        select max(cast(value as double)) as utilisation_fraction
        from meta.reference_value
        where subject_kind = 'scenario' and subject = 'fleet' and field = 'central_fraction'
    ),
    cost as (
        select
            s.model_id, s.gpu_id, s.gpu_count, s.precision, s.workload_id, s.service_level_id,
            p.purchase_model, p.commitment_months, p.day, s.method,
            p.median_usd_per_gpu_hour as usd_per_gpu_hour, p.provider_count,
            s.input_tokens, s.output_tokens, s.tokens_per_second_per_gpu,
            s.tokens_per_second_per_user, s.time_to_first_token_seconds, s.prefill_fraction,
            serving_usd_per_1k_tokens(p.median_usd_per_gpu_hour, s.tokens_per_second_per_gpu)
                as usd_per_1k_tokens,
            sqrt(power(p.below_ln, 2) + power(1.2816 * s.error_log_sd, 2)) as below_ln,
            sqrt(power(p.above_ln, 2) + power(1.2816 * s.error_log_sd, 2)) as above_ln,
            f.utilisation_fraction, s.watt_hours_per_1k_tokens, s.watt_hours_per_request,
            s.binding_limit, s.is_efficient, s.is_cheapest_set, s.is_extrapolated
        from marts.serving_point as s
        inner join price as p on s.gpu_id = p.gpu_id
        cross join fleet as f
    )
    select
        model_id, gpu_id, gpu_count, precision, workload_id, workload_id as workload,
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
        utilisation_fraction,
        usd_per_1k_tokens / utilisation_fraction as usd_per_1k_tokens_provisioned,
        watt_hours_per_1k_tokens, watt_hours_per_request, binding_limit, is_efficient,
        is_cheapest_set, is_extrapolated
    from cost;

-- What serving cost on a day, every set: the table for the days that marts.inference_cost leaves out.
create or replace macro inference_cost_on(on_day) as table
    from inference_cost_of([cast(on_day as date)]);

-- What a training run costs, by the formula of cost_engine.training.run: rental on demand at today's price on the default basis (marts.gpu_price_now), at the dense 16-bit peak.
create or replace macro training_usd(
    parameters, tokens, gpu_id, utilisation_fraction,
    goodput_fraction := 1.0, runs_multiplier := 1.0
) as (
    with price_now as (
        select d.gpu_id as gpu, d.middle_usd_per_gpu_hour as usd_per_gpu_hour
        from marts.gpu_price_now as d
        where d.purchase_model = 'on_demand' and d.is_default_basis
    ),
    dense_peak as (
        select p.gpu_id as gpu, max(p.flops_per_second) as flops_per_second
        from core.gpu_peak as p
        where not p.is_sparse and p."precision" in ('bf16', 'fp16')
        group by p.gpu_id
    )
    select
        training_flops(parameters, tokens)
        / (max(flops_per_second) * utilisation_fraction * goodput_fraction) / seconds_per_hour()
        * runs_multiplier
        * max(usd_per_gpu_hour)
    from price_now
    inner join dense_peak using (gpu)
    where gpu = gpu_id
);

-- What a training run takes and costs: the formulas of cost_engine.compute and cost_engine.training.
create or replace macro training_flops(parameters, tokens) as
    cast(6 as double) * parameters * tokens;

-- Rental on demand at the newest tracked price of all markets, at the dense 16-bit peak.
create or replace macro training_usd(parameters, tokens, gpu_id, utilisation_fraction) as (
    with newest_price as (
        select d.gpu_id as gpu, arg_max(d.median_usd_per_gpu_hour, d.day) as usd_per_gpu_hour
        from marts.gpu_price_daily as d
        where d.purchase_model = 'on_demand' and d.market_family = 'all'
        group by d.gpu_id
    ),
    dense_peak as (
        select p.gpu_id as gpu, max(p.flops_per_second) as flops_per_second
        from core.gpu_peak as p
        where not p.is_sparse and p."precision" in ('bf16', 'fp16')
        group by p.gpu_id
    )
    select
        cast(6 as double) * parameters * tokens
        / (max(flops_per_second) * utilisation_fraction) / 3600
        * max(usd_per_gpu_hour)
    from newest_price
    inner join dense_peak using (gpu)
    where gpu = gpu_id
);

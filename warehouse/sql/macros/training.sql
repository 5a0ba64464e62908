-- What a training run costs, by the formula of cost_engine.training.run: rental on demand at today's price on the default basis (marts.gpu_price_now), at the dense 16-bit peak.
create or replace macro training_usd(
    parameters, tokens, gpu_id, utilisation_fraction,
    goodput_fraction := 1.0, runs_multiplier := 1.0, usd_per_gpu_hour := null
) as (
    with price_now as (
        select d.gpu_id as gpu, d.middle_usd_per_gpu_hour as middle_usd_per_gpu_hour,
            d.market_family as family, d.reference_region as place
        from marts.gpu_price_now as d
        where d.purchase_model = 'on_demand' and d.is_default_basis
    ),
    -- A cluster is whole servers: where all sellers of one ask more than the middle, it costs that.
    server as (
        select o.gpu_id as gpu, o.market_family as family, o.reference_region as place,
            min(o.usd_per_gpu_hour) as server_usd_per_gpu_hour
        from marts.gpu_set_offer as o
        where o.purchase_model = 'on_demand' and o.gpu_count = 8
        group by o.gpu_id, o.market_family, o.reference_region
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
        * coalesce(
            usd_per_gpu_hour,
            greatest(max(middle_usd_per_gpu_hour), coalesce(max(server_usd_per_gpu_hour), 0))
        )
    from dense_peak
    left join price_now using (gpu)
    left join server using (gpu, family, place)
    where gpu = gpu_id
);

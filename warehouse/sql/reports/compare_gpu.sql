-- One row per pair of accelerators and figure: what they are, what they cost in each market, what that buys, and how it moved.
-- a_gpu_id | the first accelerator
-- b_gpu_id | the second accelerator
-- figure | the quantity
-- basis | number format, contract, market or model that the figure holds for; empty where it holds always
-- unit | unit of the figure
-- a | the figure of the first; null where the warehouse has none
-- a_low | lower end of its interval (80 %), null without one
-- a_high | upper end of its interval, null without one
-- a_provider_count | providers behind it; null where no price is in it
-- a_detail | which set of GPUs or which provider, in words; null where there is none
-- b | the figure of the second; null where the warehouse has none
-- b_low | lower end of its interval, null without one
-- b_high | upper end of its interval, null without one
-- b_provider_count | providers behind it; null where no price is in it
-- b_detail | which set of GPUs or which provider, in words; null where there is none
-- parameter: a_gpu_id | the first accelerator
-- parameter: b_gpu_id | the second accelerator
-- parameter: model_id | the model whose tokens and training run are priced
with pair as (
    select a_gpu_id, b_gpu_id
    from (select gpu_id as a_gpu_id from core.gpu)
    cross join (select gpu_id as b_gpu_id from core.gpu)
    where a_gpu_id = $a_gpu_id and b_gpu_id = $b_gpu_id
),
side as (
    select a_gpu_id as gpu_id from pair
    union
    select b_gpu_id from pair
),
gpu as (
    select * from core.gpu where gpu_id in (select gpu_id from side)
),
peak as (
    select gpu_id, "precision", flops_per_second
    from core.gpu_peak
    where gpu_id in (select gpu_id from side) and not is_sparse
),
price as (
    select
        *,
        concat_ws(
            ', ', purchase_model, commitment_months || ' months', market_family, reference_region
        ) as basis,
        concat_ws(
            ' ', purchase_model, lpad(coalesce(commitment_months, 0)::varchar, 3, '0'),
            market_family, reference_region
        ) as basis_order
    from marts.gpu_price_now
    where gpu_id in (select gpu_id from side) and market_family <> 'all'
),
-- The price that anybody pays who asks today: the basis of what a figure of the chip costs.
rent as (
    select * from price where purchase_model = 'on_demand' and reference_region = 'us'
),
tokens as (
    select *
    from marts.inference_cost
    where
        gpu_id in (select gpu_id from side) and model_id = $model_id and workload = 'chat'
        and service_level_id = 'interactive' and purchase_model = 'on_demand'
        and is_default_basis
    qualify row_number() over (
        partition by gpu_id order by usd_per_1k_tokens, gpu_count, "precision"
    ) = 1
),
-- The operations of its run at the share of the peak that training commonly reaches.
training as (
    select
        c.gpu_id, c.provider_count, c.usd_per_exaflop_effective * m.training_flops / 1e18 as usd,
        c.low * m.training_flops / 1e18 as low, c.high * m.training_flops / 1e18 as high
    from marts.cost_per_flop as c
    inner join core.model as m on m.model_id = $model_id
    where
        c.gpu_id in (select gpu_id from side) and c.purchase_model = 'on_demand'
        and c.is_default_basis and c."precision" = 'bf16'
),
standing as (
    select gpu_id, purchase_model, provider_id, usd_per_gpu_hour
    from marts.offers_latest
    where
        gpu_id in (select gpu_id from side) and commitment_months is null
        and not is_stale and not is_witness and is_available is distinct from false
),
moved as (
    select *
    from marts.like_for_like_change
    where
        gpu_id in (select gpu_id from side) and purchase_model = 'on_demand'
        and reference_region = 'us' and horizon_months in (1, 3)
),
fact as (
    select
        gpu_id, 1 as place, 'memory' as figure, '' as basis, 'GB' as unit,
        memory_bytes / 1e9 as "value", null::double as low, null::double as high,
        null::bigint as provider_count, '' as basis_order, null::varchar as detail
    from gpu
    union all
    select
        gpu_id, 2, 'memory bandwidth', '', 'TB/s', bandwidth_bytes_per_second / 1e12, null, null,
        null, '', null
    from gpu
    union all
    select
        gpu_id, 3, 'dense peak', "precision", 'TFLOP/s', flops_per_second / 1e12, null, null, null,
        "precision", null
    from peak
    union all
    select gpu_id, 4, 'board power', '', 'W', board_power_watts, null, null, null, '', null from gpu
    union all
    select
        gpu_id, 5, 'price', basis, 'USD/(GPU h)', middle_usd_per_gpu_hour,
        typical_low_usd_per_gpu_hour, typical_high_usd_per_gpu_hour, provider_count, basis_order,
        null
    from price
    union all
    select
        gpu_id, 6, 'cheapest offer', purchase_model, 'USD/(GPU h)', min(usd_per_gpu_hour), null,
        null, count(distinct provider_id), purchase_model,
        arg_min(provider_id, (usd_per_gpu_hour, provider_id))
    from standing
    group by gpu_id, purchase_model
    union all
    select
        r.gpu_id, 7, 'operations at the peak', p."precision" || ', ' || r.basis, 'USD/10^18 FLOP',
        usd_per_exaflop(r.middle_usd_per_gpu_hour, p.flops_per_second),
        usd_per_exaflop(r.typical_low_usd_per_gpu_hour, p.flops_per_second),
        usd_per_exaflop(r.typical_high_usd_per_gpu_hour, p.flops_per_second),
        r.provider_count, r.basis_order || p."precision", null
    from rent as r
    inner join peak as p on r.gpu_id = p.gpu_id and p."precision" in ('bf16', 'fp8')
    union all
    select
        r.gpu_id, 8, 'memory for an hour', r.basis, 'USD/(GB h)',
        r.middle_usd_per_gpu_hour / (g.memory_bytes / 1e9),
        r.typical_low_usd_per_gpu_hour / (g.memory_bytes / 1e9),
        r.typical_high_usd_per_gpu_hour / (g.memory_bytes / 1e9),
        r.provider_count, r.basis_order, null
    from rent as r
    inner join gpu as g on r.gpu_id = g.gpu_id
    where g.memory_bytes is not null
    union all
    select
        gpu_id, 9, 'tokens', $model_id || ', chat at an interactive pace', 'USD/10^6 token',
        1e3 * usd_per_1k_tokens, 1e3 * low, 1e3 * high, provider_count, '',
        gpu_count || ' x ' || "precision"
    from tokens
    union all
    select
        gpu_id, 10, 'training', $model_id || ', its run', '10^6 USD', usd / 1e6, low / 1e6,
        high / 1e6, provider_count, '', null
    from training
    union all
    select
        gpu_id, 11, 'same offers since',
        concat_ws(', ', case horizon_months when 1 then '30 days' else '90 days' end, market_family),
        '1', like_for_like_change_fraction, null, null, link_provider_count,
        market_family || horizon_months, null
    from moved
)
select
    p.a_gpu_id, p.b_gpu_id, f.figure, f.basis, f.unit,
    max(f."value") filter (f.gpu_id = p.a_gpu_id) as a,
    max(f.low) filter (f.gpu_id = p.a_gpu_id) as a_low,
    max(f.high) filter (f.gpu_id = p.a_gpu_id) as a_high,
    max(f.provider_count) filter (f.gpu_id = p.a_gpu_id) as a_provider_count,
    max(f.detail) filter (f.gpu_id = p.a_gpu_id) as a_detail,
    max(f."value") filter (f.gpu_id = p.b_gpu_id) as b,
    max(f.low) filter (f.gpu_id = p.b_gpu_id) as b_low,
    max(f.high) filter (f.gpu_id = p.b_gpu_id) as b_high,
    max(f.provider_count) filter (f.gpu_id = p.b_gpu_id) as b_provider_count,
    max(f.detail) filter (f.gpu_id = p.b_gpu_id) as b_detail
from pair as p
inner join fact as f on f.gpu_id in (p.a_gpu_id, p.b_gpu_id)
where f."value" is not null
group by p.a_gpu_id, p.b_gpu_id, f.figure, f.basis, f.unit, f.place, f.basis_order
order by p.a_gpu_id, p.b_gpu_id, f.place, f.basis_order

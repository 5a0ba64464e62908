-- One row per figure of an accelerator: what it is, what it costs in each market, what that buys, and how it moved.
-- figure | the quantity
-- basis | number format, contract, market or model that the figure holds for; empty where it holds always
-- unit | unit of the figure
-- value | the figure; null where the warehouse has none
-- low | lower end of its 80 % interval, null without one
-- high | upper end of its 80 % interval, null without one
-- provider_count | providers behind it; null where no price is in it
-- detail | which set of GPUs, in words; null where there is no set
-- parameter: gpu_id | the accelerator
-- parameter: model_id | the model whose tokens are priced
with gpu as (
    select * from core.gpu where gpu_id = $gpu_id
),
peak as (
    select "precision", flops_per_second
    from core.gpu_peak
    where gpu_id = $gpu_id and not is_sparse
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
    where gpu_id = $gpu_id and market_family <> 'all'
),
-- The price that anybody pays who asks today: the basis of what a figure of the chip costs.
rent as (
    select * from price where purchase_model = 'on_demand' and reference_region = 'us'
),
tokens as (
    select *
    from marts.inference_cost
    where
        gpu_id = $gpu_id and model_id = $model_id and workload = 'chat'
        and service_level_id = 'interactive' and purchase_model = 'on_demand'
        and is_default_basis
    qualify row_number() over (order by usd_per_1k_tokens, gpu_count, "precision") = 1
),
moved as (
    select *
    from marts.like_for_like_change
    where
        gpu_id = $gpu_id and purchase_model = 'on_demand' and reference_region = 'us'
        and horizon_months in (1, 3)
),
fact as (
    select
        1 as place, 'memory' as figure, '' as basis, 'GB' as unit, memory_bytes / 1e9 as "value",
        null::double as low, null::double as high, null::bigint as provider_count, '' as basis_order,
        null::varchar as detail
    from gpu
    union all
    select 2, 'memory bandwidth', '', 'TB/s', bandwidth_bytes_per_second / 1e12, null, null, null, '',
        null
    from gpu
    union all
    select
        3, 'dense peak', "precision", 'TFLOP/s', flops_per_second / 1e12, null, null, null,
        "precision", null
    from peak
    union all
    select 4, 'board power', '', 'W', board_power_watts, null, null, null, '', null from gpu
    union all
    select
        5, 'price', basis, 'USD/(GPU h)', middle_usd_per_gpu_hour, typical_low_usd_per_gpu_hour,
        typical_high_usd_per_gpu_hour, provider_count, basis_order, null
    from price
    union all
    select
        6, 'operations at the peak', p."precision" || ', ' || r.basis, 'USD/10^18 FLOP',
        usd_per_exaflop(r.middle_usd_per_gpu_hour, p.flops_per_second),
        usd_per_exaflop(r.typical_low_usd_per_gpu_hour, p.flops_per_second),
        usd_per_exaflop(r.typical_high_usd_per_gpu_hour, p.flops_per_second),
        r.provider_count, r.basis_order || p."precision", null
    from rent as r
    inner join peak as p on p."precision" in ('bf16', 'fp8')
    union all
    select
        7, 'memory for an hour', r.basis, 'USD/(GB h)',
        r.middle_usd_per_gpu_hour / (g.memory_bytes / 1e9),
        r.typical_low_usd_per_gpu_hour / (g.memory_bytes / 1e9),
        r.typical_high_usd_per_gpu_hour / (g.memory_bytes / 1e9),
        r.provider_count, r.basis_order, null
    from rent as r
    cross join gpu as g
    where g.memory_bytes is not null
    union all
    select
        8, 'tokens', $model_id || ', chat at an interactive pace', 'USD/10^6 token',
        1e3 * usd_per_1k_tokens, 1e3 * low, 1e3 * high, provider_count, '',
        gpu_count || ' x ' || "precision"
    from tokens
    union all
    select
        9, 'same offers since',
        concat_ws(', ', case horizon_months when 1 then '30 days' else '90 days' end, market_family),
        '1', like_for_like_change_fraction, null, null, link_provider_count,
        market_family || horizon_months, null
    from moved
)
select figure, basis, unit, "value", low, high, provider_count, detail
from fact
where "value" is not null
order by place, basis_order

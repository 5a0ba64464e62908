-- One row per pair of models and figure: what they are, what serving them costs, what others charge for it, and what their training cost.
-- a_model_id | the first model
-- b_model_id | the second model
-- figure | the quantity
-- basis | what the figure holds for; empty where it holds always
-- unit | unit of the figure
-- a | the figure of the first; null where the warehouse has none
-- a_low | lower end of its interval (serving 80 %, training 90 %), null without one
-- a_high | upper end of its interval, null without one
-- a_provider_count | providers behind it; null where no price is in it
-- a_detail | which set of GPUs or which provider, in words; null where there is none
-- b | the figure of the second; null where the warehouse has none
-- b_low | lower end of its interval, null without one
-- b_high | upper end of its interval, null without one
-- b_provider_count | providers behind it; null where no price is in it
-- b_detail | which set of GPUs or which provider, in words; null where there is none
-- parameter: a_model_id | the first model
-- parameter: b_model_id | the second model
with pair as (
    select a_model_id, b_model_id
    from (select model_id as a_model_id from core.model)
    cross join (select model_id as b_model_id from core.model)
    where a_model_id = $a_model_id and b_model_id = $b_model_id
),
side as (
    select a_model_id as model_id from pair
    union
    select b_model_id from pair
),
model as (
    select * from core.model where model_id in (select model_id from side)
),
serving as (
    select *
    from marts.inference_cost
    where
        model_id in (select model_id from side) and workload = 'chat'
        and purchase_model = 'on_demand' and service_level_id in ('interactive', 'batch') and is_default_basis
        and evidence = 'market'
    qualify row_number() over (
        partition by model_id, service_level_id
        order by usd_per_1k_tokens, gpu_id, gpu_count, "precision"
    ) = 1
),
-- One price of each provider: of its plain endpoints that are alive the cheapest.
listed as (
    select
        model_id, api_provider_id,
        arg_min(usd_per_million_input_tokens, usd_per_million_tokens_blended) as input_usd,
        arg_min(usd_per_million_output_tokens, usd_per_million_tokens_blended) as output_usd,
        min(usd_per_million_tokens_blended) as blended_usd
    from marts.api_price
    where
        model_id in (select model_id from side) and relation = 'same' and is_plain and is_confirmed
        and not is_relisted and is_deprecated is distinct from true
        and usd_per_million_tokens_blended > 0
        and day = (select max(day) from marts.api_price)
    group by model_id, api_provider_id
),
training as (
    select m.model_id, t.*
    from marts.training_cost as t
    inner join model as m on t.model = m.epoch_model_name
    where t.price_basis = 'clean' and t.usd_nominal is not null
),
fact as (
    select
        model_id, 1 as place, 'parameters' as figure, '' as basis, '10^9 parameter' as unit,
        parameters / 1e9 as "value", null::double as low, null::double as high,
        null::bigint as provider_count, null::varchar as detail
    from model
    union all
    select
        model_id, 2, 'parameters that a token uses', '', '10^9 parameter', active_parameters / 1e9,
        null, null, null, null
    from model
    union all
    select model_id, 3, 'longest context', '', 'token', context_limit_tokens, null, null, null, null
    from model
    union all
    select
        model_id, 4, 'own serving', 'chat, ' || service_level_id || ', on demand', 'USD/10^6 token',
        1e3 * usd_per_1k_tokens, 1e3 * low, 1e3 * high, provider_count,
        gpu_count || ' x ' || gpu_id || ', ' || "precision"
    from serving
    union all
    select
        model_id, 5, 'API price', p.basis, 'USD/10^6 token', median(p.usd), null, null, count(*), null
    from listed
    cross join lateral (values ('input', input_usd), ('output', output_usd)) as p (basis, usd)
    group by model_id, p.basis
    union all
    select
        model_id, 6, 'cheapest API', 'three parts input, one part output', 'USD/10^6 token',
        min(blended_usd), null, null, count(*), arg_min(api_provider_id, blended_usd)
    from listed
    group by model_id
    union all
    select
        model_id, 7, 'training tokens', '', '10^9 token', training_tokens / 1e9, null, null, null, null
    from model
    union all
    select
        model_id, 8, 'training compute', '', '10^18 FLOP', training_flops / 1e18, null, null, null, null
    from model
    union all
    select
        model_id, 9, 'training', "method" || ', prices of its day', 'USD', usd_nominal, low, high,
        null, null
    from training
)
select
    p.a_model_id, p.b_model_id, f.figure, f.basis, f.unit,
    max(f."value") filter (f.model_id = p.a_model_id) as a,
    max(f.low) filter (f.model_id = p.a_model_id) as a_low,
    max(f.high) filter (f.model_id = p.a_model_id) as a_high,
    max(f.provider_count) filter (f.model_id = p.a_model_id) as a_provider_count,
    max(f.detail) filter (f.model_id = p.a_model_id) as a_detail,
    max(f."value") filter (f.model_id = p.b_model_id) as b,
    max(f.low) filter (f.model_id = p.b_model_id) as b_low,
    max(f.high) filter (f.model_id = p.b_model_id) as b_high,
    max(f.provider_count) filter (f.model_id = p.b_model_id) as b_provider_count,
    max(f.detail) filter (f.model_id = p.b_model_id) as b_detail
from pair as p
inner join fact as f on f.model_id in (p.a_model_id, p.b_model_id)
where f."value" is not null
group by p.a_model_id, p.b_model_id, f.figure, f.basis, f.unit, f.place
order by p.a_model_id, p.b_model_id, f.place, f.basis

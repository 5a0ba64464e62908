-- One row per figure of a model: what it is, what serving it costs, what others charge for it, and what its training cost.
-- figure | the quantity
-- basis | what the figure holds for; empty where it holds always
-- unit | unit of the figure
-- value | the figure; null where the warehouse has none
-- low | lower end of its interval (serving 80 %, training 90 %), null without one
-- high | upper end of its interval, null without one
-- provider_count | providers behind it; null where no price is in it
-- detail | which set of GPUs, in words; null where there is no set
-- parameter: model_id | the model
with model as (
    select * from core.model where model_id = $model_id
),
serving as (
    select *
    from marts.inference_cost
    where
        model_id = $model_id and workload = 'chat' and purchase_model = 'on_demand'
        and service_level_id in ('interactive', 'batch') and is_default_basis
        and evidence = 'market'
    qualify row_number() over (
        partition by service_level_id order by usd_per_1k_tokens, gpu_id, gpu_count, "precision"
    ) = 1
),
-- One price of each provider: of its plain endpoints that are alive the cheapest.
listed as (
    select
        api_provider_id,
        arg_min(usd_per_million_input_tokens, usd_per_million_tokens_blended) as input_usd,
        arg_min(usd_per_million_output_tokens, usd_per_million_tokens_blended) as output_usd,
        min(usd_per_million_tokens_blended) as blended_usd
    from marts.api_price
    where
        model_id = $model_id and relation = 'same' and is_plain and is_confirmed
        and not is_relisted and is_deprecated is distinct from true
        and usd_per_million_tokens_blended > 0
        and day = (select max(day) from marts.api_price)
    group by api_provider_id
),
training as (
    select t.*
    from marts.training_cost as t
    inner join model as m on t.model = m.epoch_model_name
    where t.price_basis = 'clean' and t.usd_nominal is not null
),
fact as (
    select
        1 as place, 'parameters' as figure, '' as basis, '10^9 parameter' as unit,
        parameters / 1e9 as "value", null::double as low, null::double as high,
        null::bigint as provider_count, null::varchar as detail
    from model
    union all
    select
        2, 'parameters that a token uses', '', '10^9 parameter', active_parameters / 1e9, null,
        null, null, null
    from model
    union all
    select 3, 'longest context', '', 'token', context_limit_tokens, null, null, null, null
    from model
    union all
    select
        4, 'own serving', 'chat, ' || service_level_id || ', on demand', 'USD/10^6 token',
        1e3 * usd_per_1k_tokens, 1e3 * low, 1e3 * high, provider_count,
        gpu_count || ' x ' || gpu_id || ', ' || "precision"
    from serving
    union all
    select
        5, 'API price', p.basis, 'USD/10^6 token', median(p.usd), null, null, count(*), null
    from listed
    cross join lateral (values ('input', input_usd), ('output', output_usd)) as p (basis, usd)
    group by p.basis
    union all
    select
        6, 'cheapest API', 'three parts input, one part output', 'USD/10^6 token',
        min(blended_usd), null, null, count(*), arg_min(api_provider_id, blended_usd)
    from listed
    having count(*) > 0
    union all
    select
        7, 'training tokens', '', '10^9 token', training_tokens / 1e9, null, null, null, null
    from model
    union all
    select
        8, 'training compute', '', '10^18 FLOP', training_flops / 1e18, null, null, null, null
    from model
    union all
    select
        9, 'training', "method" || ', prices of its day', 'USD', usd_nominal, low, high, null, null
    from training
)
select figure, basis, unit, "value", low, high, provider_count, detail
from fact
where "value" is not null
order by place, basis

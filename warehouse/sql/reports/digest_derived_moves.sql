-- One row per derived figure that moved between two days with the median of its market.
-- table_name | the table that holds the figure
-- figure | the column of the figure
-- model_id | the language model, null where the figure is not of one
-- gpu_id | the accelerator whose price moved
-- purchase_model | on_demand, spot, reserved or capacity_block
-- before_value | the figure at the price of the earlier day, in the unit of its column
-- value | the figure at the price of the later day, in the unit of its column
-- change_fraction | change of the figure [1]
-- because | the median that moved, what its same offers did, and the sources that changed their method between the days
-- depends on: core.offer_price
-- parameter: since | the earlier day, with the prices at its end
-- parameter: until | the later day, with the prices at its end
-- parameter: threshold | the smallest move to list, as a fraction [1]
with price as (
    select gpu_id, purchase_model, day, median_usd_per_gpu_hour as usd
    from marts.gpu_price_daily
    where market_family = 'neocloud' and commitment_months is null and day in ($since, $until)
),
moved as (
    select n.gpu_id, n.purchase_model, t.usd as before, n.usd
    from price as n
    inner join price as t
        on n.gpu_id = t.gpu_id and n.purchase_model = t.purchase_model
        and n.day = $until and t.day = $since
    where abs(n.usd / t.usd - 1) >= $threshold
),
-- Sources of the two days that changed their method between them.
broken as (
    select o.gpu_id, o.purchase_model,
        string_agg(distinct b.source_id, ', ' order by b.source_id) as source_ids
    from (from as_of($since) union all from as_of($until)) as o
    inner join core.method_break as b
        on o.source_id = b.source_id and b.break_on <= $until and b.settled_on > $since
    group by o.gpu_id, o.purchase_model
),
-- What the same offers did: a median also moves when sellers come and go.
same_offers as (
    select gpu_id, purchase_model, count(*) as provider_count,
        exp(avg(log_change)) - 1 as change_fraction
    from (
        select gpu_id, purchase_model, provider_id, avg(log_change) as log_change
        from same_offers_between($since, $until)
        where market_family = 'neocloud' and commitment_months is null
        group by gpu_id, purchase_model, provider_id
    )
    group by gpu_id, purchase_model
),
-- The cheapest efficient set of each model on the earlier day: what its price does to a token.
served as (
    select s.model_id, s.gpu_id, p.purchase_model, s.tokens_per_second_per_gpu
    from marts.serving_point as s
    inner join price as p on s.gpu_id = p.gpu_id and p.day = $since
    where s.workload = 'chat'
    qualify row_number() over (
        partition by s.model_id, p.purchase_model order by p.usd / s.tokens_per_second_per_gpu
    ) = 1
),
figure as (
    select 'marts.inference_cost' as table_name, 'usd_per_1k_tokens' as figure, s.model_id,
        m.gpu_id, m.purchase_model,
        serving_usd_per_1k_tokens(m.before, s.tokens_per_second_per_gpu) as before_value,
        serving_usd_per_1k_tokens(m.usd, s.tokens_per_second_per_gpu) as value,
        m.before, m.usd
    from moved as m
    inner join served as s on m.gpu_id = s.gpu_id and m.purchase_model = s.purchase_model
    union all
    select 'marts.cost_per_flop', 'usd_per_exaflop_effective', null, m.gpu_id,
        m.purchase_model, m.before * c.usd_per_exaflop_effective / c.usd_per_gpu_hour,
        c.usd_per_exaflop_effective, m.before, m.usd
    from moved as m
    inner join marts.cost_per_flop as c
        on m.gpu_id = c.gpu_id and m.purchase_model = c.purchase_model
        and c.precision = 'bf16' and c.is_default_basis
        and c.commitment_months is null
)
select table_name, figure, model_id, gpu_id, purchase_model, before_value, value,
    value / before_value - 1 as change_fraction,
    format('{} {} {:.3g} to {:.3g} USD/GPU-h', gpu_id, purchase_model, before, usd)
    || case
        when provider_count >= 3
            then format('; the same offers {:+.1f} %', 100 * s.change_fraction)
        else '; too few offers stood on both days to say whether prices moved'
    end
    || case
        when source_ids is null then ''
        else format(' (another method: {})', source_ids)
    end as because
from figure
left join same_offers as s using (gpu_id, purchase_model)
left join broken using (gpu_id, purchase_model)
order by abs(value / before_value - 1) desc, table_name, model_id, gpu_id

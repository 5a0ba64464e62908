-- One row per pair of providers and figure: their offers, how many they say they have, and the sources that show them.
-- a_provider_id | the first provider
-- b_provider_id | the second provider
-- figure | the quantity
-- basis | what the figure holds for; empty where it holds for all its offers
-- unit | unit of the figure
-- a | the figure of the first; null where the warehouse has none
-- a_low | null: counts have no interval
-- a_high | null: counts have no interval
-- a_provider_count | null: it is one provider
-- a_detail | null: it is one provider
-- b | the figure of the second; null where the warehouse has none
-- b_low | null: counts have no interval
-- b_high | null: counts have no interval
-- b_provider_count | null: it is one provider
-- b_detail | null: it is one provider
-- parameter: a_provider_id | the first provider
-- parameter: b_provider_id | the second provider
with known as (
    select provider_id from core.provider
    union
    select provider_id from marts.offers_latest
),
pair as (
    select a_provider_id, b_provider_id
    from (select provider_id as a_provider_id from known)
    cross join (select provider_id as b_provider_id from known)
    where a_provider_id = $a_provider_id and b_provider_id = $b_provider_id
),
side as (
    select a_provider_id as provider_id from pair
    union
    select b_provider_id from pair
),
offer as (
    select * from marts.offers_latest
    where provider_id in (select provider_id from side) and not is_witness and gpu_id is not null
),
said as (
    select
        provider_id, purchase_model, avg(case when is_available then 1.0 else 0.0 end) as share,
        count(*) as offers
    from offer
    where is_available is not null and not is_stale
    group by provider_id, purchase_model
),
spoken as (
    select
        o.provider_id, o.source_id, count(*) as offers, min(o.age_hours) as age_hours,
        any_value(s.status) as status
    from offer as o
    left join (
        select source_id, status
        from meta.source_status
        qualify row_number() over (partition by source_id order by asked_at desc) = 1
    ) as s on o.source_id = s.source_id
    group by o.provider_id, o.source_id
),
fact as (
    select
        provider_id, 1 as place, 'kinds of GPU' as figure, '' as basis, '1' as unit,
        count(distinct gpu_id)::double as "value"
    from offer
    where not is_stale
    group by provider_id
    union all
    select provider_id, 2, 'regions', '', '1', nullif(count(distinct region), 0)
    from offer
    where not is_stale
    group by provider_id
    union all
    select provider_id, 3, 'offers', purchase_model, '1', count(*)
    from offer
    where not is_stale
    group by provider_id, purchase_model
    union all
    select provider_id, 4, 'stale offers', '', '1', count(*)
    from offer
    where is_stale
    group by provider_id
    union all
    select
        provider_id, 5, 'share in stock',
        concat_ws(', ', purchase_model, 'of ' || offers || ' that say so'), '1', share
    from said
    union all
    select
        provider_id, 6, 'age of the newest price',
        source_id || ': ' || coalesce(status, 'never_asked'), 'h', age_hours
    from spoken
)
select
    p.a_provider_id, p.b_provider_id, f.figure, f.basis, f.unit,
    max(f."value") filter (f.provider_id = p.a_provider_id) as a,
    null::double as a_low,
    null::double as a_high,
    null::bigint as a_provider_count,
    null::varchar as a_detail,
    max(f."value") filter (f.provider_id = p.b_provider_id) as b,
    null::double as b_low,
    null::double as b_high,
    null::bigint as b_provider_count,
    null::varchar as b_detail
from pair as p
inner join fact as f on f.provider_id in (p.a_provider_id, p.b_provider_id)
where f."value" is not null
group by p.a_provider_id, p.b_provider_id, f.figure, f.basis, f.unit, f.place
order by p.a_provider_id, p.b_provider_id, f.place, f.basis

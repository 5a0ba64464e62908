-- One row per figure of a provider: its offers, how many it says it has, and the sources that show them.
-- figure | the quantity
-- basis | what the figure holds for; empty where it holds for all its offers
-- unit | unit of the figure
-- value | the figure; null where the warehouse has none
-- low | null: counts have no interval
-- high | null
-- provider_count | null: it is one provider
-- detail | null
-- parameter: provider_id | the provider
with offer as (
    select * from marts.offers_latest
    where provider_id = $provider_id and not is_witness and gpu_id is not null
),
said as (
    select purchase_model, avg(case when is_available then 1.0 else 0.0 end) as share, count(*) as offers
    from offer
    where is_available is not null and not is_stale
    group by purchase_model
),
spoken as (
    select o.source_id, count(*) as offers, min(o.age_hours) as age_hours, any_value(s.status) as status
    from offer as o
    left join (
        select source_id, status
        from meta.source_status
        qualify row_number() over (partition by source_id order by asked_at desc) = 1
    ) as s on o.source_id = s.source_id
    group by o.source_id
),
fact as (
    select
        1 as place, 'kinds of GPU' as figure, '' as basis, '1' as unit,
        count(distinct gpu_id)::double as "value"
    from offer
    where not is_stale
    union all
    select 2, 'regions', '', '1', nullif(count(distinct region), 0) from offer where not is_stale
    union all
    select 3, 'offers', purchase_model, '1', count(*) from offer where not is_stale group by purchase_model
    union all
    select 4, 'stale offers', '', '1', count(*) from offer where is_stale having count(*) > 0
    union all
    select
        5, 'share in stock', concat_ws(', ', purchase_model, 'of ' || offers || ' that say so'), '1', share
    from said
    union all
    select 6, 'age of the newest price', source_id || ': ' || coalesce(status, 'never_asked'), 'h', age_hours
    from spoken
)
select
    figure, basis, unit, "value", null::double as low, null::double as high,
    null::bigint as provider_count, null::varchar as detail
from fact
where "value" is not null
order by place, basis

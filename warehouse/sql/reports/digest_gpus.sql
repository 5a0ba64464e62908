-- One row per GPU that came or went between two days.
-- gpu_id | the accelerator
-- change | new or gone
-- depends on: core.offer_price
-- parameter: since | the earlier day, with the prices at its end
-- parameter: until | the later day, with the prices at its end
with stale as (
    select source_id, offer_key
    from marts.offers_latest
    where is_stale and $until >= (select cast(prices_at as date) from staged.build_clock)
),
now_there as (
    select distinct n.gpu_id, s.offer_key is not null as is_stale
    from as_of($until) as n
    left join stale as s on n.source_id = s.source_id and n.offer_key = s.offer_key
    where n.gpu_id is not null
),
then_there as (
    select distinct gpu_id from as_of($since) where gpu_id is not null
)
select distinct coalesce(n.gpu_id, t.gpu_id) as gpu_id,
    case when t.gpu_id is null then 'new' else 'gone' end as change
from now_there as n
full join then_there as t on n.gpu_id = t.gpu_id
where n.gpu_id is null or (t.gpu_id is null and not n.is_stale)
order by all

-- One row per pair of the six data-centre GPUs that most providers rent out on demand.
-- a_gpu_id | the one that more providers rent out
-- b_gpu_id | the other
with offered as (
    select
        o.gpu_id,
        row_number() over (
            order by count(distinct o.provider_id) desc, count(*) desc, o.gpu_id
        ) as place
    from marts.offers_latest as o
    inner join core.gpu as g on o.gpu_id = g.gpu_id and g.gpu_class = 'data_center'
    where
        o.purchase_model = 'on_demand' and not o.is_stale and not o.is_witness
        and o.is_available is distinct from false and not coalesce(g.is_coarse, false)
    group by o.gpu_id
)
select a.gpu_id as a_gpu_id, b.gpu_id as b_gpu_id
from offered as a
inner join offered as b on a.place < b.place
where b.place <= 6
order by a.place, b.place

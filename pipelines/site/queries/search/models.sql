-- One row per reference model that has a serving speed, with the names that others print for it.
-- model_id | the model
-- name | full name
-- spellings | what else it is called
select
    m.model_id, m.name,
    coalesce(list(distinct a.model_name_printed order by a.model_name_printed)
        filter (a.source_family = 'epoch'), []) as spellings
from core.model as m
left join core.model_alias as a on m.model_id = a.model_id and a.relation = 'same'
where m.model_id in (select model_id from marts.serving_point)
group by m.model_id, m.name
order by m.model_id

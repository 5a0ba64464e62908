-- One row per GPU that has, or had, an offer, with the spellings that people type.
-- gpu_id | the accelerator
-- name | full name
-- spellings | what else it is called, where a spelling means the same everywhere
select
    g.gpu_id, g.name,
    coalesce(list(distinct a.gpu_name_printed order by a.gpu_name_printed)
        filter (a.gpu_name_printed is not null), []) as spellings
from core.gpu as g
left join core.gpu_alias as a on g.gpu_id = a.canonical and a.source_family = 'generic_text'
where g.gpu_id in (select gpu_id from marts.offers_latest) or g.gpu_id in (
    select gpu_id from marts.gpu_price_daily where median_usd_per_gpu_hour is not null
)
group by g.gpu_id, g.name
order by g.gpu_id

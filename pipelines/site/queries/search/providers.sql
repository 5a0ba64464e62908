-- One row per provider with an offer that is fresh and not sold out, with the names that others print for it.
-- provider_id | the provider
-- name | full name
-- spellings | what else it is called
select
    o.provider_id, coalesce(p.name, o.provider_id) as name,
    coalesce(list(distinct a.provider_printed order by a.provider_printed)
        filter (a.provider_printed is not null), []) as spellings
from (
    select distinct provider_id
    from marts.offers_latest
    where
        not is_stale and not is_witness and is_available is distinct from false
        and gpu_id is not null
) as o
left join core.provider as p on o.provider_id = p.provider_id
left join core.provider_alias as a on o.provider_id = a.provider_id and a.source_id = 'any'
group by o.provider_id, p.name
order by o.provider_id

-- One row per provider and name by which it goes.
-- provider_id | the provider
-- name | its id, its name, or a name that a source prints
select provider_id, provider_id as "name" from core.provider
union
select provider_id, "name" from core.provider
union
select provider_id, provider_printed from core.provider_alias
union
select provider_id, provider_id from marts.offers_latest
order by provider_id, "name"

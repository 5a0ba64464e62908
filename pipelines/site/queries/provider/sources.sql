-- One row per source that reads a provider: how many of its offers, and when it last answered.
-- parameter: provider_id | the provider
-- provider_id | the provider
-- source_id | the source
-- title | its title
-- source_kind | api, page, marketplace or feed
-- offer_count | offers of the provider in its last good answer
-- stale_count | of them, those that are too old for a price
-- seen_at | when it last showed one of them [UTC]
-- age_hours | age of the newest of them at the build [h]
select
    o.provider_id, o.source_id, any_value(s.title) as title,
    any_value(o.source_kind) as source_kind, count(*) as offer_count,
    count(*) filter (o.is_stale) as stale_count, max(o.seen_at) as seen_at,
    min(o.age_hours) as age_hours
from marts.offers_latest as o
left join meta.source as s on o.source_id = s.source_id
where o.provider_id = $provider_id
group by o.provider_id, o.source_id
order by o.provider_id, offer_count desc, o.source_id

-- One row per part of a source of which an answer was ever believed: its newest one.
-- source_id | where we read it
-- request_key | the part of the source
-- last_good_at | when it last gave a good answer that no rule held [UTC]
-- source_time | the newest time that the source itself gave, null where it gives none [UTC]
-- check: select source_id, request_key from {this} group by all having count(*) > 1
with believed as (
    select source_id, request_key, valid_at
    from core.offer_capture
    union all
    select source_id, request_key, valid_at
    from core.api_price_capture
),
own_time as (
    select source_id, request_scope, valid_at, max(source_time) as source_time
    from meta.capture
    where source_time is not null
    group by source_id, request_scope, valid_at
)
select
    b.source_id,
    b.request_key,
    max(b.valid_at) as last_good_at,
    max(t.source_time) as source_time
from believed as b
left join own_time as t
    on
        b.source_id = t.source_id and b.request_key = t.request_scope
        and b.valid_at = t.valid_at
group by b.source_id, b.request_key

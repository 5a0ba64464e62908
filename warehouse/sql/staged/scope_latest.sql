-- One row per part of a source that ever had a good answer: its newest one.
-- source_id | where we read it
-- request_key | the part of the source
-- last_good_at | when it last gave a good answer that no rule held [UTC]
-- source_time | the newest time that the source itself gave, null where it gives none [UTC]
-- content_changed_at | the first good answer with the bytes of the newest one [UTC]
-- check: each row is there once: select source_id, request_key from {this} group by all having count(*) > 1
with believed as (
    select source_id, request_key, seen_at
    from core.offer_capture
    union all
    select source_id, request_key, seen_at
    from core.api_price_capture
),
answer as (
    select
        source_id, request_scope, seen_at, max(source_time) as source_time,
        string_agg(distinct payload_sha256, ' ' order by payload_sha256) as bytes_sha256
    from meta.capture
    where status in ('ok', 'unchanged')
    group by source_id, request_scope, seen_at
),
-- Of an earlier answer only that its bytes are those of the newest counts.
compared as (
    select
        b.source_id, b.request_key, b.seen_at, t.source_time,
        coalesce(t.bytes_sha256 is distinct from lag(t.bytes_sha256) over (
            partition by b.source_id, b.request_key order by b.seen_at
        ), true) as is_changed
    from (select distinct source_id, request_key, seen_at from believed) as b
    left join answer as t
        on
            b.source_id = t.source_id and b.request_key = t.request_scope
            and b.seen_at = t.seen_at
)
select
    b.source_id,
    b.request_key,
    max(b.seen_at) as last_good_at,
    max(b.source_time) as source_time,
    max(b.seen_at) filter (where b.is_changed) as content_changed_at
from compared as b
group by b.source_id, b.request_key

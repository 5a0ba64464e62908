-- One row per good answer of a part of a source that no rule held: how old what it prints was then.
-- source_id | where we read it
-- request_key | the part of the source
-- seen_at | when it answered [UTC]
-- next_at | when it next gave a good answer, null for its newest one [UTC]
-- source_time | the newest time that the source itself had given by then for these bytes, null where it had given none [UTC]
-- content_changed_at | the first good answer with the bytes of this one [UTC]
-- view
with believed as (
    select source_id, request_key, seen_at
    from core.offer_capture
    union
    select source_id, request_key, seen_at
    from core.api_price_capture
),
captured as (
    select
        source_id, request_scope, seen_at, max(source_time) as source_time,
        string_agg(distinct payload_sha256, ' ' order by payload_sha256) as bytes_sha256
    from meta.capture
    where status in ('ok', 'unchanged')
    group by source_id, request_scope, seen_at
),
compared as (
    select
        b.source_id, b.request_key, b.seen_at, t.source_time,
        lead(b.seen_at) over of_part as next_at,
        coalesce(
            t.bytes_sha256 is distinct from lag(t.bytes_sha256) over of_part, true
        ) as is_changed
    from believed as b
    left join captured as t
        on
            b.source_id = t.source_id and b.request_key = t.request_scope
            and b.seen_at = t.seen_at
    window of_part as (partition by b.source_id, b.request_key order by b.seen_at)
),
-- Answers with the same bytes, one after the other.
stretched as (
    select
        *, max(case when is_changed then seen_at end) over (
            partition by source_id, request_key order by seen_at
            rows between unbounded preceding and current row
        ) as content_changed_at
    from compared
)
select
    source_id,
    request_key,
    seen_at,
    next_at,
    max(source_time) over (
        partition by source_id, request_key, content_changed_at order by seen_at
        rows between unbounded preceding and current row
    ) as source_time,
    content_changed_at
from stretched

-- One row per capture that is being loaded: the capture of its scope before it.
with loading as (
    select capture_id, source_id, request_key, seen_at from quality_capture
    union
    select capture_id, source_id, request_key, seen_at from staged.normalised_offer
),
placed as (
    select l.capture_id, l.source_id, l.request_key, l.seen_at,
        max(c.seen_at) filter (where c.seen_at < l.seen_at) as predecessor_at,
        coalesce(max(c.seen_at) >= l.seen_at, false) as is_late
    from loading as l
    left join core.offer_capture as c
        on l.source_id = c.source_id and l.request_key = c.request_key
    group by l.capture_id, l.source_id, l.request_key, l.seen_at
)
select p.*, exists (
        from core.method_break as b
        where b.source_id = p.source_id
            and p.predecessor_at < b.settled_on and b.break_on <= p.seen_at
    ) as is_after_break
from placed as p

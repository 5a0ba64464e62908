-- One row per part of a source that ever had a good answer: its newest one.
-- source_id | where we read it
-- request_key | the part of the source
-- last_good_at | when it last gave a good answer that no rule held [UTC]
-- source_time | the newest time that the source itself gave for these bytes, null where it gave none [UTC]
-- content_changed_at | the first good answer with the bytes of the newest one [UTC]
-- check: each row is there once: select source_id, request_key from {this} group by all having count(*) > 1
select
    source_id,
    request_key,
    seen_at as last_good_at,
    source_time,
    content_changed_at
from staged.answer
where next_at is null

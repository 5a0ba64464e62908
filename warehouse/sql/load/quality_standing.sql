-- One row per capture that is being loaded and offer that was valid just before it.
-- For a capture after all others of its scope, they are the open rows.
select s.capture_id, b.*
from core.offer_open as b
inner join quality_scope as s
    on b.source_id = s.source_id and b.request_key = s.request_key
where b.valid_from < s.seen_at

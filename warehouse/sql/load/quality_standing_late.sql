-- One row per late capture and offer that ended since, and was valid just before it.
select s.capture_id, b.*
from core.offer_closed as b
inner join quality_scope as s
    on b.source_id = s.source_id and b.request_key = s.request_key and s.is_late
where b.superseded_at is null and b.valid_from < s.seen_at and b.valid_to >= s.seen_at

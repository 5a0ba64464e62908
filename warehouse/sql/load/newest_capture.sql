-- One row per good capture that is the newest of its scope.
select g.capture_id, g.source_id, g.request_key, g.seen_at
from good_capture as g
where g.seen_at >= (
    select max(c.seen_at) from core.offer_capture as c
    where c.source_id = g.source_id and c.request_key = g.request_key
)

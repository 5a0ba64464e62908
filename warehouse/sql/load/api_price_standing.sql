-- One row per capture that is being loaded and token price of its list that was valid just before it.
select c.capture_id, p.*
from core.api_price as p
inner join good_api_capture as c
    on p.source_id = c.source_id and p.request_key = c.request_key
where p.superseded_at is null
    and p.valid_from < c.seen_at and (p.valid_to is null or p.valid_to >= c.seen_at)

-- One row per capture that need not be read: no decision and no correction waits for it.
select distinct capture_id
from meta.capture
where capture_id not in (select capture_id from meta.quarantine_audit where recorded_at is null)
    and capture_id not in (
        select c.capture_id
        from meta.capture as c
        inner join price_correction_change as p
            on c.source_id = p.source_id and c.seen_at::date between p.first_on and p.last_on
        where p.is_unread
    )

-- One row per moment at which a correction became known, changed or was withdrawn.
select p.source_id, p.first_on, coalesce(p.last_on, 'infinity'::date) as last_on, t.changed_at,
    coalesce(p.read_at < t.changed_at, true) as is_unread
from meta.price_correction as p
cross join unnest([p.recorded_at, p.superseded_at]) as t (changed_at)
where t.changed_at is not null

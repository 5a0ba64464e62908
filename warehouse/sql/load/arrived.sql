-- One row per request of a capture that the build file does not know yet, or that was decided on.
-- A capture that someone decided on is read again, and known so from the build that reads it; so is
-- one of a day of which prices were corrected, or a correction withdrawn, after it was known.
with decided as (
    select a.capture_id, a.recorded_at is null as is_new,
        coalesce(a.recorded_at, c.now_at) as recorded_at
    from meta.quarantine_audit as a
    cross join staged.build_clock as c
    union all
    select distinct l.capture_id, p.is_unread, p.changed_at
    from arrived_ledger as l
    inner join price_correction_change as p
        on l.source_id = p.source_id and l.seen_at::date between p.first_on and p.last_on
        and l.recorded_at::timestamp < p.changed_at
),
decision as (
    select distinct capture_id, is_new, recorded_at,
        count(*) over (partition by capture_id order by recorded_at) as decisions
    from decided
),
reading as (
    select l.* replace (l.recorded_at::timestamp as recorded_at), null::bigint as decisions
    from arrived_ledger as l
    where l.capture_id not in (select capture_id from meta.capture)
    union all
    select l.* replace (d.recorded_at as recorded_at), d.decisions
    from arrived_ledger as l
    inner join decision as d on l.capture_id = d.capture_id
    where d.is_new or l.capture_id not in (select capture_id from meta.capture)
)
select * exclude (started_at, finished_at, mirror) replace (seen_at::timestamp as seen_at),
    $root || '/' || observation_path as observation_file,
    $root || '/' || quarantine_path as quarantine_file,
    concat_ws('#', capture_id, coalesce(request_scope, ''), coalesce(parser_version, 0),
        decisions) as scope_capture_id
from reading

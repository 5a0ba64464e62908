-- One row per offer that a capture of one moment shows, as its parser read it.
select a.scope_capture_id as capture_id, a.source_id, s.source_kind,
    a.request_scope as request_key, o.* exclude (
        source_id, request_key, captured_at, record_kind, parser_version, source_time, filename
    ) replace (a.source_url as source_url),
    -- A time in the future says nothing about age.
    case when o.source_time::timestamp <= a.seen_at + interval 5 minute
        then o.source_time::timestamp end as source_time,
    o.parser_version, a.seen_at, a.recorded_at
from observed as o
inner join arrived as a on o.filename = a.observation_file and a.record_kind = 'offer'
inner join meta.source as s on a.source_id = s.source_id
where a.recorded_at = $recorded_at and a.seen_at = $seen_at

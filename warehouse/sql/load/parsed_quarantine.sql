-- One row per row that a parser held, and that is not in meta.quarantine yet.
with held as (
    select
        md5(concat_ws('|', q.source_id, q.payload_sha256, q.rule, q.row_json)) as held_id,
        'row' as scope, q.source_id, q.request_key, a.capture_id,
        a.seen_at, q.payload_sha256, q.parser_version, q.rule,
        q.reason, q.row_json, 'held' as state, c.run_id, a.recorded_at
    from read_parquet($files, union_by_name = true, filename = true) as q
    inner join arrived as a on q.filename = a.quarantine_file
    cross join staged.build_clock as c
)
select * exclude (recorded_at)
from held
-- The same bytes on another day hold the same rows: they are entered once, as first known.
where held_id not in (select held_id from meta.quarantine)
qualify row_number() over (
    partition by held_id order by recorded_at, seen_at, capture_id
) = 1

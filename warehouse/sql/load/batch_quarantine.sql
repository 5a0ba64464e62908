-- One row per rule and batch that it holds, and that is not in meta.quarantine yet.
with held as (
    select
        -- A day counts for itself, even if its bytes are those of the day before.
        md5(concat_ws('|', c.source_id, c.request_key, c.payload_sha256, h.rule,
            c.seen_at::date)) as held_id,
        'batch' as scope, c.source_id, c.request_key, c.capture_id,
        c.seen_at, c.payload_sha256, c.parser_version, h.rule, h.reason,
        null::varchar as row_json, 'held' as state, k.run_id
    from held_batch as h
    inner join quality_capture as c on h.capture_id = c.capture_id
    cross join staged.build_clock as k
)
from held
where held_id not in (select held_id from meta.quarantine)

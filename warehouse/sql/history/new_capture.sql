-- One row per capture that the history does not hold; knowledge never runs backwards.
with watermark as (select max(recorded_at) as recorded_at from {capture})
select capture_id, source_id, request_key, seen_at::timestamp as seen_at,
    greatest(recorded_at::timestamp, (from watermark)) as recorded_at,
    parser_version
from {captures} where capture_id not in (select capture_id from {capture})

-- One row per good capture of token prices of one moment.
select scope_capture_id as capture_id, source_id, request_scope as request_key,
    seen_at, recorded_at, parser_version, min(payload_sha256) as payload_sha256
from arrived
where is_scope_complete and record_kind = 'api_price'
    and recorded_at = $recorded_at and seen_at = $seen_at
group by all

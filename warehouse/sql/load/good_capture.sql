-- One row per good capture of offers of one moment, with those that have no offer.
select scope_capture_id as capture_id, source_id, request_scope as request_key,
    seen_at, recorded_at, parser_version, min(payload_sha256) as payload_sha256
from arrived
where is_scope_complete and recorded_at = $recorded_at and seen_at = $seen_at
    and (record_kind = 'offer' or record_kind is null)
group by all

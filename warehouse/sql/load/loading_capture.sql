-- One row per capture in staged.normalised_offer.
select capture_id, source_id, request_key, max(seen_at) as seen_at,
    min(payload_sha256) as payload_sha256, max(parser_version) as parser_version
from staged.normalised_offer
group by capture_id, source_id, request_key

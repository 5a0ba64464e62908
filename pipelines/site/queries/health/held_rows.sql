-- One row per held row: the five newest of each source and rule.
-- seen_at | time of the capture [UTC]
-- source_id | the source
-- rule | the rule that holds the row
-- reason | why the rule holds it
-- row_json | the row as the source printed it
-- payload_sha256 | hash of the bytes it was read from
select seen_at, source_id, rule, reason, row_json, payload_sha256
from meta.quarantine
where state = 'held'
qualify row_number() over (partition by source_id, rule order by seen_at desc, held_id) <= 5
order by source_id, rule, seen_at desc, held_id

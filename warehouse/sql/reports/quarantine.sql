-- One row per row or batch that a rule holds.
-- id | the first letters of its id, enough to accept or reject it
-- source_id | the source
-- scope | row or batch
-- rule | the rule that holds it
-- reason | what the rule found
-- seen_at | when the source was asked [UTC]
-- payload | the first letters of the hash of its bytes
-- row_json | the row, null for a batch
-- parameter: state | held, accepted or rejected
-- parameter: source_id | only this source; any, if null
-- parameter: rule | only this rule; any, if null
-- parameter: row_limit | how many rows at most
select held_id[:12] as id, source_id, scope, rule, reason, seen_at,
    payload_sha256[:12] as payload, row_json
from meta.quarantine
where state = $state and ($source_id is null or source_id = $source_id)
    and ($rule is null or rule = $rule)
order by scope, seen_at desc, source_id, rule
limit $row_limit

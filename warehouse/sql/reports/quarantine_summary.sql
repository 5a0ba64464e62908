-- One row per source, scope and rule: how much it holds.
-- source_id | the source
-- scope | row or batch
-- rule | the rule
-- held | rows or batches held
-- newest | when the newest of them was captured [UTC]
-- example | the reason of one of them
-- parameter: state | held, accepted or rejected
-- parameter: source_id | only this source; any, if null
-- parameter: rule | only this rule; any, if null
-- parameter: row_limit | how many rows at most
select source_id, scope, rule, count(*) as held, max(seen_at) as newest,
    any_value(reason) as example
from meta.quarantine
where state = $state and ($source_id is null or source_id = $source_id)
    and ($rule is null or rule = $rule)
group by all
order by scope, held desc
limit $row_limit

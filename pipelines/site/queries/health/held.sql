-- One row per rule and source: rows that the rule holds.
-- rule | the rule that holds the row
-- source_id | the source
-- rows_held | rows held
-- example | the reason of one of them
-- seen_at | time of the newest of them [UTC]
select rule, source_id, count(*) as rows_held, min(reason) as example,
    max(seen_at) as seen_at
from meta.quarantine
where state = 'held'
group by rule, source_id
order by rows_held desc, rule, source_id

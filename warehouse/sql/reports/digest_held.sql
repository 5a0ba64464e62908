-- One row per source and rule that held rows between two days.
-- source_id | the source
-- rule | the rule that held them
-- held_rows | rows and batches held
-- example | the reason of one of them
-- parameter: since | the earlier day, with the prices at its end
-- parameter: until | the later day, with the prices at its end
select source_id, rule, count(*) as held_rows, min(reason) as example
from meta.quarantine
where state = 'held' and seen_at >= $since::date + interval 1 day
    and seen_at < $until::date + interval 1 day
group by source_id, rule
order by held_rows desc, source_id, rule

-- One row per source and day of the last 30 days: whether it answered.
-- source_id | the source
-- day | the day [UTC date]
-- state | ok, partial, held or failed
-- offers_kept | offers or other records kept
-- offers_held | offers or other records held by a rule
select
    source_id, cast(seen_at as date) as day,
    case
        when bool_and(status in ('ok', 'unchanged')) then 'ok'
        when bool_or(status in ('ok', 'unchanged')) then 'partial'
        when bool_or(status = 'quarantined') then 'held'
        else 'failed'
    end as state,
    sum(offers_kept) as offers_kept, sum(offers_held) as offers_held
from meta.capture
where status <> 'skipped'
group by source_id, day
having day > (
    select max(cast(seen_at as date)) from meta.capture where status <> 'skipped'
) - 30
order by source_id, day

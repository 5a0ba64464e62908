-- One row: the last thing that had happened is the clock of the past moment.
-- Prices are stated for that clock if it lies in the day that was asked for, else for its end.
with happened as (
    select started_at as moment, run_id from present.meta.run
    where started_at < least(timestamp '{end}', timestamp '{known}')
    union all
    select seen_at, null from present.core.offer_capture
    where seen_at < timestamp '{end}' and recorded_at < timestamp '{known}'
)
select
    max(moment) as now_at,
    arg_max(run_id, moment) as run_id,
    case
        when max(moment) >= timestamp '{start}' then max(moment)
        when max(moment) is not null then timestamp '{end}' - interval 1 microsecond
    end as prices_at,
    false as is_bundled
from happened

-- One row per day to derive again: the last day, and all since the earliest answer that became
-- known later.
with learned as (
    select
        cast(least(
            max(seen_at) filter (recorded_at < timestamp '{known}'),
            timestamp '{end}' - interval 1 microsecond
        ) as date) as last_day,
        cast(min(seen_at) filter (recorded_at >= timestamp '{known}') as date) as later_day
    from present.core.offer_capture
)
select 'offer' as entity,
    cast(unnest(generate_series(
        least(last_day, later_day), last_day, interval 1 day
    )) as date) as day
from learned

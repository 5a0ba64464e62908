-- One row per day whose derived values may change.
with last as (select max(seen_at)::date as day from {capture}), touched as (
    select valid_from::date as first_day, case when valid_to < timestamp 'infinity'
        then least((valid_to - interval 1 microsecond)::date, last.day) else last.day
        end as last_day
    from merging_all_replaced_range, last
    union all
    select $horizon::date + 1, last.day from last
)
select distinct
    '{entity}',
    unnest(generate_series(first_day, last_day, interval 1 day))::date as day
from touched where first_day is not null
except from staged.affected_day
order by day

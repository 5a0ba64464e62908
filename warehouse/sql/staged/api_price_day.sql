-- One row per day for which token prices are listed: month ends and the newest day.
-- day | the day [UTC date]
-- view
with span as (
    select min(cast(valid_from as date)) as first_day from core.api_price
),
newest as (
    select max(cast(c.last_good_at as date)) as last_day
    from staged.scope_latest as c
    where c.source_id in (select source_id from core.api_price)
),
months as (
    select cast(unnest(generate_series(
        date_trunc('month', first_day), last_day, interval 1 month
    )) as date) + interval 1 month - interval 1 day as month_end
    from span cross join newest
)
select cast(month_end as date) as day
from months cross join newest
where month_end <= last_day
union
select last_day as day
from newest
where last_day is not null

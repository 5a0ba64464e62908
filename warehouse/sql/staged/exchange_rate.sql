-- One row per currency and day on which the European Central Bank published a rate.
-- currency | ISO 4217 code
-- day | the day from which the rate is the newest [date]
-- next_day | the day of the next published rate, null for the newest [date]
-- usd_per_unit | US dollars for one unit of the currency [USD]
-- check: every rate is above zero: select * from {this} where usd_per_unit <= 0
with usd_per_eur as (
    select "on" as day, value::double as usd_per_eur
    from core.series_point
    where series_id = 'ecb_usd_per_eur'
),
per_currency as (
    select 'EUR' as currency, day, usd_per_eur as usd_per_unit
    from usd_per_eur
    union all
    select
        upper(split_part(p.series_id, '_', 2)) as currency,
        p."on" as day,
        d.usd_per_eur / p.value::double as usd_per_unit
    from core.series_point as p
    inner join usd_per_eur as d on p."on" = d.day
    where p.series_id like 'ecb\_%\_per\_eur' escape '\' and p.series_id <> 'ecb_usd_per_eur'
)
select
    currency,
    day,
    lead(day) over (partition by currency order by day) as next_day,
    usd_per_unit
from per_currency

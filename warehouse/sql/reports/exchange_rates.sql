-- One row per currency with a rate: the newest one up to a day.
-- currency | ISO 4217 code
-- day | the day of the rate [date]
-- usd_per_unit | US dollars for one unit of the currency [USD]
-- parameter: day | the last day that counts
select currency, max(day) as day, arg_max(usd_per_unit, day) as usd_per_unit
from staged.exchange_rate
where day <= $day
group by currency
order by currency

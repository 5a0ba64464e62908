-- One row per published file: the days that have an index.
-- first_day | the first day, null without an index
-- last_day | the last day, null without an index
-- day_count | how many days
select min(day) as first_day, max(day) as last_day, count(distinct day) as day_count
from marts.gpu_price_index

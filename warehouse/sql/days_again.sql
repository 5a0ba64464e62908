-- The days of a range that have an answer are derived again.
insert into staged.affected_day
select distinct 'offer', cast(seen_at as date)
from core.offer_capture
where cast(seen_at as date) between ? and ?

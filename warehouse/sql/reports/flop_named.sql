-- One row per number format that has a cost per operation.
-- precision | number format
select distinct precision
from marts.cost_per_flop
order by precision

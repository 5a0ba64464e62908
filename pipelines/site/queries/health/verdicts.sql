-- One row per verdict: how many prices have it.
-- verdict | agree, disagree or single_source
-- prices | prices with this verdict
select verdict, count(*) as prices
from marts.reconciliation
group by verdict
order by prices desc

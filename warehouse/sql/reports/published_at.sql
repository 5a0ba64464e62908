-- One row per published file: when the last run was published.
-- finished_at | the end of the last published run [UTC]
select max(finished_at) as finished_at
from meta.run
where status = 'published'

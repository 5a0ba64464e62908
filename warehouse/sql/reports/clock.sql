-- One row per published file: the moment whose prices it shows.
-- now_at | the clock of its build, null before the first capture [UTC]
-- run_id | its run, empty where none is known
select max(now_at) as now_at, coalesce(max(run_id), '') as run_id
from staged.build_clock

-- One row per source that failed, was held, is frozen or is older than 30 hours.
-- source_id | the source
-- status | of its last attempt
-- last_answer_at | its last good answer [UTC]
-- age_hours | age of the last good answer at the build [h]
-- error | of the last attempt, null without one
with newest as (
    select * from meta.source_status
    qualify row_number() over (partition by source_id order by asked_at desc) = 1
)
select source_id, status, seen_at as last_answer_at, round(age_hours, 1) as age_hours, error
from newest
where status not in ('ok', 'unchanged', 'skipped', 'never_asked') or age_hours > 30
order by age_hours desc nulls first, source_id

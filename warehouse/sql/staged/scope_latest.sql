-- One row per part of a source that ever gave a good answer: its newest one.
-- source_id | where we read it
-- request_key | the part of the source
-- last_good_at | when it last gave a good answer [UTC]
-- source_time | the newest time that the source itself gave, null where it gives none [UTC]
-- check: select source_id, request_key from {this} group by all having count(*) > 1
select
    source_id,
    request_scope as request_key,
    max(valid_at) as last_good_at,
    max(source_time) as source_time
from meta.capture
where is_scope_complete and status in ('ok', 'unchanged')
group by source_id, request_scope

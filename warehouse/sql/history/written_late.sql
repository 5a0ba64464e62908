-- One row per belief to write that is cut from one that ended.
select {believed}, come.valid_from, nullif(come.valid_to, timestamp 'infinity') as valid_to,
    {at} as recorded_at, null::timestamp as superseded_at
from {closed} as belief
join merging_come as come on belief.rowid = come.row_id
where not come.is_open

-- One row per belief to write, with all its values: superseded ones, and new ones.
select {believed}, belief.valid_from, null::timestamp as valid_to, belief.recorded_at,
    {at} as superseded_at
from {open} as belief join merging_gone as gone on belief.rowid = gone.row_id
where gone.is_open and belief.recorded_at < {at}
union all by name
select {believed}, come.valid_from, nullif(come.valid_to, timestamp 'infinity') as valid_to,
    {at} as recorded_at, null::timestamp as superseded_at
from {open} as belief join merging_come as come on belief.rowid = come.row_id
where come.is_open
union all by name
select come.source_id, come.request_key,
    {believed_carried}, come.valid_from, nullif(come.valid_to, timestamp 'infinity') as valid_to,
    {at} as recorded_at, null::timestamp as superseded_at
from (select capture_id, {carried} from {observations}) as belief
join merging_come as come
    on belief.capture_id = come.capture_id and belief.{key} = come.{key}

-- One row per belief that ended within the reach of a late capture.
select source_id, request_key, {key}, closed.rowid as row_id, valid_from, recorded_at,
    hash({values}) as value_hash, false as is_open, valid_to
from {closed} as closed
join (
    select source_id, request_key, min(valid_from) as starts_at, max(valid_to) as ends_at
    from merging_replaced_range where is_late group by all
) using (source_id, request_key)
where superseded_at is null and valid_from <= ends_at and valid_to >= starts_at

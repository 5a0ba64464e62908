-- One row per open belief in the scopes of the chosen captures.
select source_id, request_key, {key}, rowid as row_id, valid_from, recorded_at,
    hash({values}) as value_hash, true as is_open, timestamp 'infinity' as valid_to
from {open} semi join merging_replaced_range using (source_id, request_key)

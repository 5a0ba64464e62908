-- One row per belief that an earlier merge of the same moment superseded, and that continues.
select closed.rowid as row_id, written.rowid as written_id
from merging_written as written join {closed} as closed
    using (source_id, request_key, {key}, valid_from)
where closed.superseded_at = {at} and written.recorded_at = {at}
    and written.superseded_at is null
    and written.valid_to is not distinct from closed.valid_to
    and hash({written_values}) = hash({closed_values})

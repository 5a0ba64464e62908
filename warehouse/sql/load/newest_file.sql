-- One row per request of a source: the file of its newest good answer of a kind of record.
select source_id, request_key, observation_file
from arrived
where record_kind = $record_kind and status in ('ok', 'unchanged')
qualify row_number() over (
    partition by source_id, request_key order by seen_at desc, recorded_at desc
) = 1

-- One row per thing that the next capture confirms: most of the market, on most days.
select source_id, request_key, {key}
from merging_old_belief
join merging_seen using (source_id, request_key, {key}, value_hash)
where is_open and is_next

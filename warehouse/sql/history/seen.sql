-- One row per thing that a chosen capture saw, its values as a hash.
select source_id, request_key, {key}, valid_from, valid_to, capture_id, is_next,
    hash({typed_values}) as value_hash
from (select capture_id, {key}, {values} from {observations})
join merging_replaced_range using (capture_id)

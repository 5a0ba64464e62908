-- One row per chosen capture: how far it reaches, up to the next capture of its scope.
with earliest as (
    select source_id, request_key, min(seen_at) as starts_at
    from merging_chosen group by all
), later as (
    select distinct source_id, request_key, seen_at
    from {capture} join earliest using (source_id, request_key)
    where seen_at >= starts_at
), reach as (
    select source_id, request_key, seen_at, lead(seen_at, 1, timestamp 'infinity') over (
        partition by source_id, request_key order by seen_at
    ) as valid_to
    from (select source_id, request_key, seen_at from merging_chosen union from later)
)
select source_id, request_key, seen_at as valid_from, valid_to, capture_id, is_late,
    not is_late and count(*) over (partition by source_id, request_key) = 1 as is_next
from (
    select *, (source_id, request_key) in (select (source_id, request_key) from later)
        as is_late
    from reach join merging_chosen using (source_id, request_key, seen_at)
)

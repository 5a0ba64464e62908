-- One row per scope and instant of one moment of knowledge: the capture that is believed.
with best as (
    select source_id, request_key, seen_at, max({rank}) as rank
    from merging_new_capture where recorded_at = $recorded_at group by all
), known as (
    select source_id, request_key, seen_at, max({rank}) as rank
    from {capture} semi join best using (source_id, request_key, seen_at)
    group by all
)
select source_id, request_key, seen_at, best.rank[3] as capture_id
from best left join known using (source_id, request_key, seen_at)
where known.rank is null or best.rank > known.rank

-- One row per belief after the chosen captures: old ones cut, new ones put in, equals joined.
with kept_range as (
    select source_id, request_key,
        timestamp '-infinity' as kept_from, min(valid_from) as kept_to
    from merging_replaced_range group by all
    union all
    select source_id, request_key, valid_to, lead(valid_from, 1, timestamp 'infinity') over (
        partition by source_id, request_key order by valid_from
    )
    from merging_replaced_range
), piece as (
    select source_id, request_key, {key}, value_hash, is_open, row_id, null as capture_id,
        greatest(valid_from, kept_from) as valid_from, least(valid_to, kept_to) as valid_to
    from merging_old_belief join kept_range using (source_id, request_key)
    where valid_from < kept_to and kept_from < valid_to and kept_from < kept_to
    union all by name
    select source_id, request_key, {key}, value_hash, null as is_open, null as row_id, capture_id,
        valid_from, valid_to
    from merging_seen
), marked as (
    select *,
        coalesce(valid_from = lag(valid_to) over times, false)
        and value_hash = lag(value_hash) over times as continues
    from piece
    window times as (partition by source_id, request_key, {key} order by valid_from)
), stretch as (
    select *, count(*) filter (not continues) over (
        partition by source_id, request_key, {key} order by valid_from
    ) as number
    from marked
)
select * exclude (continues, number)
    replace (max(valid_to) over (partition by source_id, request_key, {key}, number) as valid_to)
from stretch
qualify not continues

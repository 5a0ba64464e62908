-- Views over the ledgers, made after every load. Times are UTC.
create or replace view meta.source_status as
with held as (
    select distinct split_part(capture_id, '#', 1) as capture_id, request_key, reason
    from meta.quarantine
    where scope = 'batch' and state = 'held'
),
-- An answer that a rule holds as a whole is no good one.
judged as (
    select
        c.* exclude (status, error_class, error),
        case when h.capture_id is null then c.status else 'quarantined' end as status,
        case when h.capture_id is null then c.error_class else 'quarantined' end as error_class,
        coalesce(h.reason, c.error) as error
    from meta.capture as c
    left join (
        select capture_id, request_key, min(reason) as reason
        from held
        group by capture_id, request_key
    ) as h on c.capture_id = h.capture_id and c.request_scope = h.request_key
),
tried as (
    select
        source_id, capture_id, run_id, max(valid_at) as tried_at,
        sum(rows_kept) as rows_kept, sum(rows_held) as rows_held,
        sum(rows_duplicate) as rows_duplicate, sum(bytes) as bytes,
        string_agg(distinct payload_sha256, ' ' order by payload_sha256) as payload_sha256,
        min(error_class) as error_class, min(error) as error,
        count(*) filter (status in ('ok', 'unchanged')) as good,
        count(*) filter (status not in ('ok', 'unchanged')) as bad,
        min(status) as any_status,
        bool_and(status = 'unchanged') as is_unchanged
    from judged
    group by source_id, capture_id, run_id
),
seen as (
    select
        t.*,
        max(case when good > 0 then tried_at end) over (
            partition by source_id order by tried_at, capture_id
        ) as observed_at
    from tried as t
)
select
    s.source_id,
    s.run_id,
    s.capture_id,
    case
        when s.good > 0 and s.bad > 0 then 'partial'
        when s.good = 0 then s.any_status
        when s.is_unchanged then 'unchanged'
        else 'ok'
    end as status,
    s.tried_at,
    s.observed_at,
    date_diff('minute', s.observed_at, c.now_at) / 60.0 as age_hours,
    s.rows_kept,
    s.rows_held,
    s.rows_duplicate,
    s.bytes,
    s.payload_sha256,
    s.error_class,
    s.error
from seen as s
cross join staged.build_clock as c;

create or replace view meta.unmapped_gpu as
select
    source_id,
    gpu_name_printed,
    gpu_memory_bytes,
    count(*) as offer_count,
    min(sku) as example_sku,
    min(payload_sha256) as payload_sha256
from core.offer_open
where gpu_id is null
group by source_id, gpu_name_printed, gpu_memory_bytes;

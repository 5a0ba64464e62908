-- Views over the ledgers, made after every load. Times are UTC.
create or replace view meta.source_status as
with held as (
    select distinct split_part(capture_id, '#', 1) as capture_id, request_key, reason
    from meta.quarantine
    where scope = 'batch' and state = 'held'
),
-- An answer that a rule holds as a whole does not count as good.
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
-- Since when each part of a source gives the same bytes, at each answer.
content as (
    select
        source_id, request_key, capture_id, seen_at,
        max(case when is_changed then seen_at end) over (
            partition by source_id, request_key order by seen_at, capture_id
        ) as content_changed_at
    from (
        select *, coalesce(payload_sha256 is distinct from lag(payload_sha256) over (
            partition by source_id, request_key order by seen_at, capture_id
        ), true) as is_changed
        from judged
        where status in ('ok', 'unchanged')
    ) as answered
),
contents as (
    select source_id, capture_id, max(content_changed_at) as content_changed_at
    from content
    group by source_id, capture_id
),
tried as (
    select
        source_id, capture_id, run_id, max(seen_at) as asked_at,
        sum(rows_read) as rows_read, sum(rows_kept) as rows_kept,
        sum(rows_held) as rows_held, sum(rows_out_of_scope) as rows_out_of_scope,
        sum(offers_kept) as offers_kept, sum(offers_held) as offers_held,
        sum(offers_duplicate) as offers_duplicate, sum(bytes) as bytes,
        string_agg(distinct payload_sha256, ' ' order by payload_sha256) as payload_sha256,
        arg_min(error_class, error) as error_class, min(error) as error,
        max(source_time) as source_time,
        count(*) filter (status in ('ok', 'unchanged')) as good,
        count(*) filter (status not in ('ok', 'unchanged') or not is_scope_complete) as bad,
        case
            when bool_or(status = 'failed') then 'failed'
            when bool_or(status = 'quarantined') then 'quarantined'
            else min(status)
        end as worst_status,
        bool_and(status = 'unchanged') as is_unchanged,
        min(regexp_extract(warnings, 'moved permanently to [^;]*')) filter (
            contains(warnings, 'moved permanently to')
        ) as moved
    from judged
    group by source_id, capture_id, run_id
),
seen as (
    select
        t.*,
        max(case when good > 0 then asked_at end) over (
            partition by source_id order by asked_at, capture_id
        ) as seen_at
    from tried as t
),
-- A source that is not first-party stands still: its bytes, or the time that it states. One whose
-- address has moved stands still there, for old clients.
aged as (
    select
        s.*,
        k.content_changed_at,
        s.good > 0 and s.bad = 0 and not coalesce(d.is_first_party, true) and (
            s.moved is not null or coalesce(
                date_diff('hour', least(k.content_changed_at, s.source_time), s.asked_at)
                >= d.frozen_after_hours, false
            )
        ) as is_frozen,
        coalesce(s.moved, format(
            'stands still since {}: {} hours, {} are usual at most',
            least(k.content_changed_at, s.source_time)::date,
            date_diff('hour', least(k.content_changed_at, s.source_time), s.asked_at),
            d.frozen_after_hours
        )) as frozen_reason
    from seen as s
    left join contents as k on s.source_id = k.source_id and s.capture_id = k.capture_id
    left join meta.source as d on s.source_id = d.source_id
)
select
    s.source_id,
    s.run_id,
    s.capture_id,
    case
        when s.good > 0 and s.bad > 0 then 'partial'
        when s.good = 0 then s.worst_status
        when s.is_frozen then 'frozen'
        when s.is_unchanged then 'unchanged'
        else 'ok'
    end as status,
    s.asked_at,
    s.seen_at,
    greatest(date_diff('minute', s.seen_at, c.prices_at), 0) / 60.0 as age_hours,
    s.content_changed_at,
    greatest(date_diff('minute', s.content_changed_at, c.prices_at), 0) / 60.0 as content_age_hours,
    s.rows_read,
    s.rows_kept,
    s.rows_held,
    s.rows_out_of_scope,
    s.offers_kept,
    s.offers_held,
    s.offers_duplicate,
    s.bytes,
    s.payload_sha256,
    if(s.is_frozen, 'frozen', s.error_class) as error_class,
    if(s.is_frozen, s.frozen_reason, s.error) as error
from aged as s
cross join staged.build_clock as c
union all by name
select source_id, 'never_asked' as status
from meta.source
where source_id not in (select source_id from meta.capture);

-- One row per request of a capture, outcome and reason: the rows of its answer that gave nothing.
-- Their sums are rows_held and rows_out_of_scope of meta.source_status.
create or replace view meta.row_outcome as
with counted as (
    select
        source_id, capture_id, request_key, seen_at, row_reasons,
        unnest(['held', 'out_of_scope']) as outcome
    from meta.capture
    where row_reasons is not null
),
reasons as (
    select * exclude (row_reasons),
        row_reasons -> outcome as counts,
        unnest(json_keys(row_reasons, '$.' || outcome)) as reason
    from counted
)
select
    source_id, capture_id, request_key, seen_at, outcome, reason,
    cast(map_extract_value(cast(counts as map(varchar, bigint)), reason) as bigint) as row_count
from reasons;

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

-- One row per offer that a capture of one moment shows, as its parser read it; what a correction that
-- was known by then says of it counts in place of what is printed.
select a.scope_capture_id as capture_id, a.source_id, s.source_kind,
    a.request_scope as request_key, o.* exclude (
        source_id, request_key, captured_at, record_kind, parser_version, source_time, filename
    ) replace (
        a.source_url as source_url,
        -- Through text: a double cast to a wide decimal differs in its last digits.
        case when p.field = 'price_amount' then p.corrected::varchar::decimal(38, 18)
            else o.price_amount end as price_amount,
        case when p.field = 'gpu_count' then p.corrected::integer else o.gpu_count end as gpu_count
    ),
    p.correction_id,
    -- A time in the future says nothing about age.
    case when o.source_time::timestamp <= a.seen_at + interval 5 minute
        then o.source_time::timestamp end as source_time,
    o.parser_version, a.seen_at, a.recorded_at
from observed as o
inner join arrived as a on o.filename = a.observation_file and a.record_kind = 'offer'
inner join meta.source as s on a.source_id = s.source_id
left join meta.price_correction as p
    on p.source_id = a.source_id and p.provider_id = o.provider_id
    and p.purchase_model = o.purchase_model
    and (p.sku is null or p.sku = o.sku)
    and (p.gpu_name_printed is null or p.gpu_name_printed = o.gpu_name_printed)
    and (p.region is null or p.region = o.region)
    and p.as_published::varchar::decimal(38, 18)
        = if(p.field = 'gpu_count', o.gpu_count, o.price_amount)
    and a.seen_at::date between p.first_on and coalesce(p.last_on, 'infinity'::date)
    and p.recorded_at <= a.recorded_at and coalesce(p.superseded_at > a.recorded_at, true)
where a.recorded_at = $recorded_at and a.seen_at = $seen_at

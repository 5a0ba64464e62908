-- One row per offer, price interval and belief: the whole history at once, from captures in order.
-- Its columns are those of core/offer_price.sql.
-- Reads staged.judged_offer (every row of every capture that was merged) and core.offer_capture.
-- Only for scopes whose captures arrived in the order of their time; late ones need the merge.
with numbered_capture as (
    select
        capture_id,
        source_id,
        request_key,
        seen_at,
        recorded_at,
        row_number() over scope_times as number,
        lead(seen_at) over scope_times as next_seen_at,
        lead(recorded_at) over scope_times as next_recorded_at
    from core.offer_capture
    window scope_times as (partition by source_id, request_key order by seen_at)
),
seen as (
    select
        c.source_id,
        c.request_key,
        c.number,
        c.seen_at,
        c.recorded_at,
        c.next_seen_at,
        c.next_recorded_at,
        o.offer_key,
        o.provider_id,
        o.sku,
        o.region,
        o.gpu_id,
        o.gpu_name_printed,
        o.gpu_count,
        o.gpu_memory_bytes,
        o.vcpu_count,
        o.memory_bytes,
        o.form_factor,
        o.interconnect,
        o.purchase_model,
        o.commitment_months,
        o.upfront_fraction,
        o.market_tier,
        o.source_kind,
        o.price_amount,
        o.currency,
        o.price_basis,
        o.price_unit,
        o.usd_per_gpu_hour,
        o.is_available,
        o.correction_id,
        o.source_url,
        o.payload_sha256,
        o.parser_version,
        -- Two observations are of one price if all of this is the same.
        md5(concat_ws(
            chr(31),
            coalesce(cast(o.provider_id as varchar), chr(30)),
            coalesce(cast(o.sku as varchar), chr(30)),
            coalesce(cast(o.region as varchar), chr(30)),
            coalesce(cast(o.gpu_id as varchar), chr(30)),
            coalesce(cast(o.gpu_name_printed as varchar), chr(30)),
            coalesce(cast(o.gpu_count as varchar), chr(30)),
            coalesce(cast(o.gpu_memory_bytes as varchar), chr(30)),
            coalesce(cast(o.vcpu_count as varchar), chr(30)),
            coalesce(cast(o.memory_bytes as varchar), chr(30)),
            coalesce(cast(o.form_factor as varchar), chr(30)),
            coalesce(cast(o.interconnect as varchar), chr(30)),
            coalesce(cast(o.purchase_model as varchar), chr(30)),
            coalesce(cast(o.commitment_months as varchar), chr(30)),
            coalesce(cast(o.upfront_fraction as varchar), chr(30)),
            coalesce(cast(o.market_tier as varchar), chr(30)),
            coalesce(cast(o.source_kind as varchar), chr(30)),
            coalesce(cast(o.price_amount as varchar), chr(30)),
            coalesce(cast(o.currency as varchar), chr(30)),
            coalesce(cast(o.price_basis as varchar), chr(30)),
            coalesce(cast(o.price_unit as varchar), chr(30)),
            coalesce(cast(o.usd_per_gpu_hour as varchar), chr(30)),
            coalesce(cast(o.is_available as varchar), chr(30)),
            coalesce(cast(o.correction_id as varchar), chr(30))
        )) as price_hash
    from staged.judged_offer as o
    inner join numbered_capture as c on o.capture_id = c.capture_id
),
marked as (
    select
        *,
        case
            when lag(number) over sightings = number - 1
                and lag(price_hash) over sightings = price_hash then 0
            else 1
        end as is_first
    from seen
    window sightings as (partition by source_id, request_key, offer_key order by number)
),
stretch as (
    select
        *,
        sum(is_first) over (
            partition by source_id, request_key, offer_key order by number
            rows between unbounded preceding and current row
        ) as stretch_number
    from marked
),
ended as (
    select
        source_id,
        request_key,
        offer_key,
        stretch_number,
        max(number) as last_number
    from stretch
    group by source_id, request_key, offer_key, stretch_number
),
belief as (
    select
        f.*,
        l.next_seen_at as ends_at,
        l.next_recorded_at as end_recorded_at
    from stretch as f
    inner join ended as e
        on
            f.source_id = e.source_id and f.request_key = e.request_key
            and f.offer_key = e.offer_key and f.stretch_number = e.stretch_number
    inner join numbered_capture as l
        on
            e.source_id = l.source_id and e.request_key = l.request_key
            and e.last_number = l.number
    where f.is_first = 1
),
stated as (
    -- Believed to be valid, until the capture that ended it.
    select
        *,
        cast(null as timestamp) as ended_at,
        recorded_at as believed_from,
        end_recorded_at as believed_until
    from belief
    where end_recorded_at is null or end_recorded_at > recorded_at
    union all
    -- Known to have ended.
    select
        *,
        ends_at as ended_at,
        end_recorded_at as believed_from,
        cast(null as timestamp) as believed_until
    from belief
    where ends_at is not null
)
select
    offer_key,
    source_id,
    request_key,
    provider_id,
    sku,
    region,
    gpu_id,
    gpu_name_printed,
    gpu_count,
    gpu_memory_bytes,
    vcpu_count,
    memory_bytes,
    form_factor,
    interconnect,
    purchase_model,
    commitment_months,
    upfront_fraction,
    market_tier,
    source_kind,
    price_amount,
    currency,
    price_basis,
    price_unit,
    usd_per_gpu_hour,
    is_available,
    correction_id,
    seen_at as valid_from,
    ended_at as valid_to,
    believed_from as recorded_at,
    believed_until as superseded_at,
    source_url,
    payload_sha256,
    parser_version
from stated

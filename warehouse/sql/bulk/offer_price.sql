-- One row per offer, price interval and belief: the whole history at once, from captures in order.
-- offer_key | the offer, stable over days
-- source_id | the source that told us
-- request_key | the part of the source (a region, a page) whose good answers are complete
-- provider_id | who rents the GPU out
-- sku | the source's own id of the thing
-- region | the provider's own id of the place; null where one price holds everywhere
-- gpu_id | the GPU, as in core.gpu; null where the printed name is not known
-- gpu_name_printed | the GPU's name as the source prints it
-- gpu_count | GPUs of the instance [GPU]
-- gpu_memory_bytes | memory of one GPU, as printed [B]
-- vcpu_count | virtual processors of the instance
-- memory_bytes | main memory of the instance [B]
-- form_factor | as printed: SXM, PCIe, NVL, OAM
-- interconnect | what joins the GPUs or nodes, as printed
-- purchase_model | on_demand, spot, reserved or capacity_block
-- commitment_months | length of the commitment; null without one [month]
-- upfront_fraction | share of the commitment that is paid at its start [1]
-- market_tier | hyperscaler, neocloud, marketplace_secure or marketplace_community
-- source_kind | api, page, marketplace or feed, best first
-- price_amount | the price as printed, per price_basis and price_unit [currency]
-- currency | of price_amount, ISO 4217
-- price_basis | what the printed price buys: instance or gpu
-- price_unit | for how long: hour, minute, second, month or term
-- usd_per_gpu_hour | the price of one GPU for one hour [USD/(GPU h)]
-- is_available | whether it could be rented; null where the source does not say
-- valid_from | since when the offer stood at this price, UTC: the first capture that showed it
-- valid_to | until when (exclusive), UTC: the first capture that did not; null while it stands
-- recorded_at | since when we believed this row, UTC
-- superseded_at | until when (exclusive) we believed it, UTC; null while we do
-- source_url | where the price was first read
-- payload_sha256 | hash of the bytes in which it was first read
-- parser_version | version of the parser that read them
-- Reads staged.judged_offer (every row of every capture that was merged) and core.offer_capture.
-- Holds for scopes whose captures came in the order of their time; late ones go through the merge.
with numbered_capture as (
    select
        capture_id,
        source_id,
        request_key,
        valid_at,
        recorded_at,
        row_number() over scope_times as number,
        lead(valid_at) over scope_times as next_valid_at,
        lead(recorded_at) over scope_times as next_recorded_at
    from core.offer_capture
    window scope_times as (partition by source_id, request_key order by valid_at)
),
seen as (
    select
        c.source_id,
        c.request_key,
        c.number,
        c.valid_at,
        c.recorded_at,
        c.next_valid_at,
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
        o.source_url,
        o.payload_sha256,
        o.parser_version,
        -- Two sightings are of one price where all of this is the same.
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
            coalesce(cast(o.is_available as varchar), chr(30))
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
        l.next_valid_at as ends_at,
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
)
-- Believed to stand, until the capture that ended it.
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
    valid_at as valid_from,
    cast(null as timestamp) as valid_to,
    recorded_at,
    end_recorded_at as superseded_at,
    source_url,
    payload_sha256,
    parser_version
from belief
where end_recorded_at is null or end_recorded_at > recorded_at
union all
-- Known to have ended.
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
    valid_at as valid_from,
    ends_at as valid_to,
    end_recorded_at as recorded_at,
    cast(null as timestamp) as superseded_at,
    source_url,
    payload_sha256,
    parser_version
from belief
where ends_at is not null

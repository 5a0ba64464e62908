-- One row per offer of the captures that are being loaded, priced in US dollars per GPU and hour.
-- offer_key | stable identity of the offer: source, provider, sku, region, purchase model, term, tier
-- capture_id | the capture that saw it
-- source_id | where we read it
-- request_key | the part of the source, the scope within which a missing offer is gone
-- provider_id | the provider that rents it out
-- sku | the source's own id
-- region | the provider's own region id, null where one price holds everywhere
-- gpu_id | the accelerator, null where the printed name is not resolved
-- gpu_name_printed | the name as printed
-- identity_method | how gpu_id was found
-- identity_reason | why gpu_id is null or coarse
-- gpu_count | GPUs of the instance [GPU]
-- gpu_memory_bytes | memory of one GPU as printed [byte]
-- vcpu_count | virtual CPUs of the instance
-- memory_bytes | main memory of the instance [byte]
-- form_factor | form factor as printed
-- interconnect | interconnect as printed
-- purchase_model | on_demand, spot, reserved or capacity_block
-- commitment_months | length of the commitment [month]
-- upfront_fraction | share of the commitment paid at the start [1]
-- market_tier | hyperscaler, neocloud, marketplace_secure or marketplace_community
-- source_kind | api, page, marketplace or feed
-- price_amount | the price as printed or as corrected, in its own unit
-- currency | currency of the printed price
-- price_basis | what the printed price buys: instance or gpu
-- price_unit | for how long: hour, minute, second, month or term
-- usd_per_currency_unit | exchange rate used, null where none is known [USD]
-- usd_per_gpu_hour | price of one GPU for one hour, null where the rate is not known [USD/(GPU h)]
-- usd_per_node_hour | price of the whole instance for one hour [USD/h]
-- is_available | whether the source reports capacity, null where it does not say
-- correction_id | the correction of what was printed, null where nothing was corrected
-- source_time | the source's own time of the price [UTC]
-- source_url | the address that was asked
-- offer_url | a page for people
-- payload_sha256 | hash of the bytes
-- parser_version | version of the parser that read them
-- seen_at | when the source was seen [UTC]
-- recorded_at | when we knew [UTC]
-- check: every price is above zero: select * from {this} where usd_per_gpu_hour <= 0
with priced as (
    select
        o.*,
        i.gpu_id,
        i.identity_method,
        i.identity_reason,
        case when o.currency = 'USD' then 1.0 else x.usd_per_unit end as usd_per_currency_unit,
        hours_per_price(o.price_unit, o.commitment_months) as hours_per_price,
        case when o.price_basis = 'gpu' then 1 else o.gpu_count end as gpus_per_price,
        -- Cast through text: a wide decimal cast to a double differs in its last digit in 4 % of prices.
        cast(cast(o.price_amount as varchar) as double) as amount
    from staged.offer_observation as o
    left join staged.gpu_identity as i
        on
            o.source_id = i.source_id
            and o.gpu_name_printed = i.gpu_name_printed
            and o.gpu_memory_bytes is not distinct from i.gpu_memory_bytes
            and o.form_factor is not distinct from i.form_factor
    left join staged.exchange_rate as x
        on
            o.currency = x.currency
            and x.day <= cast(o.seen_at as date)
            and (x.next_day is null or x.next_day > cast(o.seen_at as date))
            -- A rate from more than 7 days before the price is not used.
            and x.day >= cast(o.seen_at as date) - 7
)
select
    md5(concat_ws(
        '|', source_id, provider_id, sku, coalesce(region, ''), purchase_model,
        coalesce(cast(commitment_months as varchar), ''),
        coalesce(cast(cast(upfront_fraction as double) as varchar), ''), market_tier
    )) as offer_key,
    capture_id,
    source_id,
    request_key,
    provider_id,
    sku,
    region,
    gpu_id,
    gpu_name_printed,
    identity_method,
    identity_reason,
    gpu_count,
    gpu_memory_bytes,
    cast(vcpu_count as double) as vcpu_count,
    memory_bytes,
    form_factor,
    interconnect,
    purchase_model,
    commitment_months,
    cast(upfront_fraction as double) as upfront_fraction,
    market_tier,
    source_kind,
    price_amount,
    currency,
    price_basis,
    price_unit,
    usd_per_currency_unit,
    amount * usd_per_currency_unit / hours_per_price / gpus_per_price
        as usd_per_gpu_hour,
    amount * usd_per_currency_unit / hours_per_price / gpus_per_price
    * gpu_count as usd_per_node_hour,
    is_available,
    correction_id,
    source_time,
    source_url,
    offer_url,
    payload_sha256,
    parser_version,
    seen_at,
    recorded_at
from priced

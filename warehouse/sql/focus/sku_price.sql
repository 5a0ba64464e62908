-- One row per offer and price interval, or token price and meter, in the column names of FOCUS.
-- ProviderName | who sells it (FOCUS 1.2)
-- ServiceProviderName | who sells it (FOCUS 1.3)
-- HostProviderName | who runs it; null where a marketplace does not say
-- ServiceCategory | Compute, or AI and Machine Learning for tokens
-- ServiceSubcategory | Virtual Machines, or Generative AI
-- ServiceName | Accelerated computing, or the model as printed
-- SkuId | the provider's own id
-- SkuPriceId | stable hash of provider, sku, region, purchase model, term and tier
-- SkuPriceDetails | JSON; keys of our own begin with x_
-- SkuMeter | GPU instance, Input, Output or Input Cache
-- RegionId | the provider's own id of the place; null where one price holds everywhere
-- RegionName | canonical area
-- PricingCategory | Standard, Dynamic (spot), Committed or Other (capacity blocks)
-- CommitmentDiscountType | Reserved for commitments, else null
-- CommitmentDiscountCategory | Usage for commitments, else null
-- ListUnitPrice | price of one pricing unit; null, never 0, where there is none [USD]
-- PricingUnit | Hours (of the whole instance), or 1M Tokens
-- PricingCurrency | currency in which the price is printed, ISO 4217
-- PricingCurrencyListUnitPrice | the same in that currency; null, never 0, where there is none
-- SkuPriceEffectiveStart | since when it has been valid, as far as captures show [UTC]
-- SkuPriceEffectiveEnd | until when (exclusive), null while it is valid [UTC]
-- x_GpuModel | the accelerator, as in core.gpu; null where the printed name is not resolved
-- x_ListUnitPricePerGpu | price of one GPU for one hour [USD/(GPU h)]
-- x_TermMonths | length of the commitment [month]
-- x_UpfrontShare | share of the commitment that is paid at its start [1]
-- x_MarketTier | hyperscaler, neocloud, marketplace_secure or marketplace_community
-- x_Availability | in_stock or sold_out where the source reports capacity; else on_sale on a provider's own list, unknown elsewhere; null for tokens
-- x_SourceId | where we read it
-- x_SourceUrl | the address that was asked
-- x_PayloadSha256 | hash of the bytes
-- view
-- grows by: "SkuPriceEffectiveStart"
-- check: no price is zero: select * from {this} where "ListUnitPrice" = 0 or "PricingCurrencyListUnitPrice" = 0
with offer as (
    select
        p.*,
        p.usd_per_gpu_hour * p.gpu_count as usd_per_node_hour,
        cast(p.price_amount as double)
        / hours_per_price(p.price_unit, p.commitment_months)
        * case when p.price_basis = 'gpu' then p.gpu_count else 1 end as printed_per_node_hour
    from core.offer_price as p
    where p.superseded_at is null
),
token as (
    select p.*, m.meter, nullif(m.usd, 0) as usd
    from core.api_price as p
    cross join lateral (
        values
            ('Input', p.usd_per_million_input_tokens),
            ('Output', p.usd_per_million_output_tokens),
            ('Input Cache', p.usd_per_million_cache_read_tokens)
    ) as m (meter, usd)
    where p.superseded_at is null and (m.usd is not null or m.meter <> 'Input Cache')
)
select
    o.provider_id as "ProviderName",
    o.provider_id as "ServiceProviderName",
    case when o.market_tier not like 'marketplace%' then o.provider_id end as "HostProviderName",
    'Compute' as "ServiceCategory",
    'Virtual Machines' as "ServiceSubcategory",
    'Accelerated computing' as "ServiceName",
    o.sku as "SkuId",
    md5(concat_ws(
        '|', o.provider_id, o.sku, coalesce(o.region, ''), o.purchase_model,
        coalesce(cast(o.commitment_months as varchar), ''),
        coalesce(cast(o.upfront_fraction as varchar), ''), o.market_tier
    )) as "SkuPriceId",
    cast(json_merge_patch('{}', to_json({
        'InstanceType': o.sku,
        'GpuCount': o.gpu_count,
        'CoreCount': o.vcpu_count,
        'MemorySize': round(o.memory_bytes / 1073741824.0, 3),
        'x_GpuModel': o.gpu_id,
        'x_GpuNamePrinted': o.gpu_name_printed,
        'x_FormFactor': coalesce(g.form_factor, o.form_factor),
        'x_GpuMemoryGiB': round(o.gpu_memory_bytes / 1073741824.0, 3),
        'x_Interconnect': o.interconnect,
        'x_NodeLink': w.node_link,
        'x_Network': w.network,
        'x_NetworkGbps': round(w.network_bits_per_second / 1e9)
    })) as varchar) as "SkuPriceDetails",
    'GPU instance' as "SkuMeter",
    o.region as "RegionId",
    r.area as "RegionName",
    case o.purchase_model
        when 'on_demand' then 'Standard'
        when 'spot' then 'Dynamic'
        when 'reserved' then 'Committed'
        else 'Other'
    end as "PricingCategory",
    case when o.purchase_model = 'reserved' then 'Reserved' end as "CommitmentDiscountType",
    case when o.purchase_model = 'reserved' then 'Usage' end as "CommitmentDiscountCategory",
    nullif(o.usd_per_node_hour, 0) as "ListUnitPrice",
    'Hours' as "PricingUnit",
    o.currency as "PricingCurrency",
    nullif(o.printed_per_node_hour, 0) as "PricingCurrencyListUnitPrice",
    o.valid_from as "SkuPriceEffectiveStart",
    o.valid_to as "SkuPriceEffectiveEnd",
    o.gpu_id as "x_GpuModel",
    nullif(o.usd_per_gpu_hour, 0) as "x_ListUnitPricePerGpu",
    o.commitment_months as "x_TermMonths",
    o.upfront_fraction as "x_UpfrontShare",
    o.market_tier as "x_MarketTier",
    case
        when o.is_available then 'in_stock'
        when not o.is_available then 'sold_out'
        when o.source_kind in ('api', 'page') then 'on_sale'
        else 'unknown'
    end as "x_Availability",
    o.source_id as "x_SourceId",
    o.source_url as "x_SourceUrl",
    o.payload_sha256 as "x_PayloadSha256"
from offer as o
left join core.gpu as g on o.gpu_id = g.gpu_id
left join core.region as r on o.provider_id = r.provider_id and o.region = r.region
left join core.node_network as w on o.provider_id = w.provider_id and o.sku = w.sku
union all
select
    t.api_provider_id,
    t.api_provider_id,
    null,
    'AI and Machine Learning',
    'Generative AI',
    t.api_model_id,
    t.api_model_id,
    md5(concat_ws('|', t.api_provider_id, t.api_model_id, coalesce(t.variant, ''), t.meter,
        t.above_input_tokens, t.modality)),
    cast(json_merge_patch('{}', to_json({
        'x_Variant': t.variant, 'x_AboveInputTokens': t.above_input_tokens,
        'x_Modality': t.modality, 'x_ContextTokens': t.context_tokens
    })) as varchar),
    t.meter,
    null,
    null,
    'Standard',
    null,
    null,
    t.usd,
    '1M Tokens',
    'USD',
    t.usd,
    t.valid_from,
    t.valid_to,
    null,
    null,
    null,
    null,
    null,
    null,
    t.source_id,
    t.source_url,
    t.payload_sha256
from token as t

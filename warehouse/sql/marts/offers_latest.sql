-- One row per current offer, by the last good answer of its source.
-- offer_key | stable identity of the offer
-- provider_id | the provider that rents it out
-- source_id | where we read it
-- source_kind | api, page, marketplace or feed: best first
-- gpu_id | the accelerator, null where the printed name is not resolved
-- gpu_name_printed | the name as printed
-- sku | the source's own id
-- region | the provider's own region id
-- country | country of the region, ISO 3166
-- area | canonical area of the region
-- gpu_count | GPUs of the instance [GPU]
-- vcpu_count | virtual CPUs of the instance
-- memory_bytes | main memory of the instance [byte]
-- purchase_model | on_demand, spot, reserved or capacity_block
-- commitment_months | length of the commitment [month]
-- upfront_fraction | share of the commitment paid at the start [1]
-- market_tier | hyperscaler, neocloud, marketplace_secure or marketplace_community
-- market_family | hyperscaler, neocloud or marketplace
-- usd_per_gpu_hour | price of one GPU for one hour [USD/(GPU h)]
-- usd_per_node_hour | price of the whole instance for one hour [USD/h]
-- price_amount | the price as printed, or as corrected
-- currency | currency of the printed price
-- price_basis | what the printed price buys: instance or gpu
-- price_unit | for how long: hour, minute, second, month or term
-- correction_id | the correction of what was printed (core.price_correction), null where nothing was corrected
-- is_available | whether the source reports capacity, null where it does not say
-- availability | in_stock or sold_out where the source reports capacity; else on_sale on a provider's own list, unknown elsewhere
-- interconnect | what joins the GPUs or nodes, as printed; null where the source does not say
-- node_link | what joins the GPUs of a node, by the provider's documentation (core.node_network); null where not known
-- network | what joins nodes, by the provider's documentation: InfiniBand, RoCE, EFA ...; null where not known
-- network_bits_per_second | bandwidth of one node to others, by the provider's documentation [bit/s]
-- egress_usd_per_gigabyte | data out to the internet from this part of the world, first paid tier; null where not read [USD/GB]
-- storage_usd_per_gigabyte_month | the provider's standard volume; null where not read [USD/(GB month)]
-- valid_from | since when the offer has had this price, as far as captures show [UTC]
-- asked_at | the last good answer of its source that held it [UTC]
-- seen_at | when its origin last showed it: of a first-party API or page the time of the answer; of others the time that they state for the row, else their stated last change, else the first answer with these bytes [UTC]
-- source_time | the source's own time, of the row where it states one, else the newest of its rows [UTC]
-- age_hours | time from seen_at to the moment that prices are stated for [h]
-- is_stale | true where seen_at is more than 72 hours before that moment, or twice the cadence of its source if that is longer
-- is_witness | true where a better source prices the same GPU of this provider, another as good as this one the same thing (GPU, region, number), or where this one only witnesses for it (marts.source_agreement)
-- source_url | the address that was asked
-- homepage_url | a page for people
-- source_licence | licence of the source's data
-- payload_sha256 | hash of the bytes the price was read from
-- parser_version | version of the parser that read them
-- check: each row is there once: select offer_key from {this} group by offer_key having count(*) > 1
-- check: every offer has a price above zero: select * from {this} where usd_per_gpu_hour is null or usd_per_gpu_hour <= 0
-- check: every offer says when it was seen: select * from {this} where seen_at is null
with newest as (
    select max(c.last_good_at) as newest_at
    from staged.scope_latest as c
    where c.source_id in (select source_id from core.offer_open)
),
denied as (
    select distinct source_id, provider_id
    from marts.source_agreement
    where is_witness_only
),
standing as (
    select
        o.*,
        d.source_id is not null as is_denied,
        s.kind_rank,
        s.licence as source_licence,
        s.homepage_url,
        s.cadence_hours,
        c.last_good_at as asked_at,
        coalesce(t.source_time, c.source_time) as source_time,
        case
            when s.is_first_party then c.last_good_at
            else least(
                c.last_good_at, coalesce(t.source_time, c.source_time, c.content_changed_at)
            )
        end as seen_at,
        n.prices_at,
        min(s.kind_rank) over (
            partition by o.provider_id, o.gpu_id, o.purchase_model, o.market_tier
        ) as best_rank
    from core.offer_open as o
    inner join meta.source as s on o.source_id = s.source_id
    inner join staged.scope_latest as c
        on o.source_id = c.source_id and o.request_key = c.request_key
    left join denied as d on o.source_id = d.source_id and o.provider_id = d.provider_id
    left join staged.offer_stated as t
        on
            o.source_id = t.source_id and o.request_key = t.request_key
            and o.offer_key = t.offer_key and c.last_good_at = t.seen_at
    cross join staged.build_clock as n
    cross join newest as w
    -- An answer from more than 7 days before the newest one does not show what is offered now.
    where c.last_good_at >= w.newest_at - interval 7 day
),
-- Who speaks for a thing that sources of one rank price: the one that was seen last.
spoken as (
    select
        provider_id, gpu_id, purchase_model, market_tier, kind_rank, gpu_count,
        coalesce(commitment_months, 0) as commitment_months, coalesce(region, '') as region,
        arg_max(source_id, (seen_at, source_id)) as source_id
    from standing
    where gpu_id is not null and not is_denied and market_tier not like 'marketplace%'
    group by
        provider_id, gpu_id, purchase_model, market_tier, kind_rank, gpu_count,
        coalesce(commitment_months, 0), coalesce(region, '')
)
select
    s.offer_key,
    s.provider_id,
    s.source_id,
    s.source_kind,
    s.gpu_id,
    s.gpu_name_printed,
    s.sku,
    s.region,
    r.country,
    r.area,
    s.gpu_count,
    s.vcpu_count,
    s.memory_bytes,
    s.purchase_model,
    s.commitment_months,
    s.upfront_fraction,
    s.market_tier,
    case when s.market_tier like 'marketplace%' then 'marketplace' else s.market_tier end
        as market_family,
    s.usd_per_gpu_hour,
    s.usd_per_gpu_hour * s.gpu_count as usd_per_node_hour,
    s.price_amount,
    s.currency,
    s.price_basis,
    s.price_unit,
    s.correction_id,
    s.is_available,
    case
        when s.is_available then 'in_stock'
        when not s.is_available then 'sold_out'
        when s.source_kind in ('api', 'page') then 'on_sale'
        else 'unknown'
    end as availability,
    s.interconnect,
    w.node_link,
    w.network,
    w.network_bits_per_second,
    d.egress_usd_per_gigabyte,
    d.storage_usd_per_gigabyte_month,
    s.valid_from,
    s.asked_at,
    s.seen_at,
    s.source_time,
    date_diff('minute', s.seen_at, s.prices_at) / 60.0 as age_hours,
    date_diff('minute', s.seen_at, s.prices_at) > 60 * greatest(72, 2 * s.cadence_hours) as is_stale,
    s.gpu_id is not null
    and (s.kind_rank > s.best_rank or s.is_denied or coalesce(k.source_id <> s.source_id, false))
        as is_witness,
    s.source_url,
    s.homepage_url,
    s.source_licence,
    s.payload_sha256,
    s.parser_version
from standing as s
left join spoken as k
    on
        s.provider_id = k.provider_id and s.gpu_id = k.gpu_id
        and s.purchase_model = k.purchase_model and s.market_tier = k.market_tier
        and s.kind_rank = k.kind_rank and s.gpu_count = k.gpu_count
        and coalesce(s.commitment_months, 0) = k.commitment_months
        and coalesce(s.region, '') = k.region
left join core.region as r on s.provider_id = r.provider_id and s.region = r.region
left join core.data_price as d
    on s.provider_id = d.provider_id and (d.area = 'any' or d.area = r.area)
left join core.node_network as w on s.provider_id = w.provider_id and s.sku = w.sku

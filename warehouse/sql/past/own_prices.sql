-- The offers of a connection with the prices of a book among them: own_price has one row a price,
-- told_at is the moment that prices are stated for.
create temp table listed_offer as from marts.offers_latest;

-- Which offer has which price of the book: the one that says most about it, of equal ones the last.
create temp table own_priced as
select o.offer_key, p.*
from listed_offer as o
inner join own_price as p
    on
        o.provider_id = p.provider_id
        and o.purchase_model = p.purchase_model
        and o.commitment_months is not distinct from p.commitment_months
        and (p.gpu_id is null or o.gpu_id = p.gpu_id)
        and (p.region is null or o.region = p.region)
        and (p.gpu_count is null or o.gpu_count = p.gpu_count)
where not o.is_witness and o.gpu_id is not null;

create or replace table marts.offers_latest as
with chosen as (
    from own_priced
    qualify row_number() over (
        partition by offer_key
        order by gpu_id is null, region is null, gpu_count is null, row_number desc
    ) = 1
),
told as (
    select
        o.* replace (
            case
                when c.offer_key is null then o.usd_per_gpu_hour
                else coalesce(c.usd_per_gpu_hour, o.usd_per_gpu_hour * (1 - c.discount_fraction))
            end as usd_per_gpu_hour,
            case
                when c.offer_key is null then o.usd_per_node_hour
                else
                    coalesce(
                        c.usd_per_gpu_hour * o.gpu_count,
                        o.usd_per_node_hour * (1 - c.discount_fraction)
                    )
            end as usd_per_node_hour,
            -- A price of one's own is as fresh as the book; a discount is off a list that ages.
            case
                when o.is_stale and c.usd_per_gpu_hour is not null then c.told_at
                else o.seen_at
            end as seen_at,
            case when o.is_stale and c.usd_per_gpu_hour is not null then 0 else o.age_hours end
                as age_hours,
            o.is_stale and c.usd_per_gpu_hour is null as is_stale,
            case when c.offer_key is null then o.source_id else 'private' end as source_id,
            case when c.offer_key is null then o.source_url else c.place end as source_url,
            case when c.offer_key is null then o.homepage_url end as homepage_url,
            case when c.offer_key is null then o.payload_sha256 end as payload_sha256
        )
    from listed_offer as o
    left join chosen as c on o.offer_key = c.offer_key
)
from told
union all by name
-- What no list has is an offer more.
select
    'private|' || p.row_number as offer_key,
    p.provider_id,
    'private' as source_id,
    'page' as source_kind,
    p.gpu_id,
    p.gpu_id as gpu_name_printed,
    'private' as sku,
    p.region,
    r.country,
    r.area,
    coalesce(p.gpu_count, 1) as gpu_count,
    p.purchase_model,
    p.commitment_months,
    case coalesce(v.market_family, 'neocloud')
        when 'marketplace' then 'marketplace_secure'
        else coalesce(v.market_family, 'neocloud')
    end as market_tier,
    coalesce(v.market_family, 'neocloud') as market_family,
    p.usd_per_gpu_hour,
    p.usd_per_gpu_hour * coalesce(p.gpu_count, 1) as usd_per_node_hour,
    case when p.gpu_count is null then 'gpu' else 'instance' end as price_basis,
    'hour' as price_unit,
    'on_sale' as availability,
    p.told_at as valid_from,
    p.told_at as asked_at,
    p.told_at as seen_at,
    0 as age_hours,
    false as is_stale,
    false as is_witness,
    p.place as source_url
from own_price as p
left join core.provider as v on p.provider_id = v.provider_id
left join core.region as r on p.provider_id = r.provider_id and p.region = r.region
where
    p.usd_per_gpu_hour is not null
    and p.row_number not in (select row_number from own_priced)

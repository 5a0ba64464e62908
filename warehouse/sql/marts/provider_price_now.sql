-- One row per provider, accelerator, contract, family and part of the world: what it asks now.
-- provider_id | the provider; a marketplace is one
-- gpu_id | the accelerator
-- purchase_model | on_demand, spot, reserved or capacity_block
-- commitment_months | length of the commitment, null where there is none [month]
-- market_family | hyperscaler, neocloud or marketplace
-- reference_region | us, europe or asia; where the source names no place, us
-- usd_per_gpu_hour | median of the offers of the largest count in the first of its reference regions that has any, else in all of that part of the world; of a marketplace the median of its asks [USD/(GPU h)]
-- min_usd_per_gpu_hour | cheapest of those offers [USD/(GPU h)]
-- region | the region that was read; null where all of them were
-- is_region_stated | false where the source names no place that is known
-- gpu_count | the count of those offers; null for a marketplace [GPU]
-- offer_count | offers behind the price [1]
-- source_kind | api, page, marketplace or feed
-- oldest_seen_at | when the oldest of those offers was last shown [UTC]
-- age_days | days of UTC from then to the day that prices are stated for, so that a build later that day says the same; 0 where that lies before it [d]
-- check: each row is there once: select gpu_id from {this} group by provider_id, gpu_id, purchase_model, commitment_months, market_family, reference_region having count(*) > 1
-- check: every price is above zero and of the past: select * from {this} where not usd_per_gpu_hour > 0 or age_days < 0
with placed as (
    select
        o.*,
        o.market_family = 'marketplace' as is_marketplace,
        o.country is not null or o.area is not null as is_region_stated,
        reference_region_of(o.country, o.area) as reference_region
    from marts.offers_latest as o
    where
        o.gpu_id is not null and not o.is_stale and not o.is_witness
        and o.is_available is distinct from false
),
ranked as (
    select
        p.*, coalesce(a.anchor_rank, 1000) as place_rank,
        min(coalesce(a.anchor_rank, 1000)) over cell as best_rank,
        min(coalesce(p.upfront_fraction, 0)) over cell as least_upfront
    from placed as p
    left join core.reference_region as a
        on
            p.provider_id = a.provider_id and p.reference_region = a.reference_region
            and p.region = a.region
    where
        p.reference_region is not null
        -- A large cloud has a price a region: one without a region is not a price there.
        and (p.is_region_stated or p.market_family <> 'hyperscaler')
    window cell as (
        partition by
            p.provider_id, p.gpu_id, p.purchase_model, p.commitment_months, p.market_family,
            p.reference_region
    )
),
read as (
    select
        *,
        max(gpu_count) over (
            partition by
                provider_id, gpu_id, purchase_model, commitment_months, market_family,
                reference_region
        ) as most_gpus
    from ranked
    where place_rank = best_rank and coalesce(upfront_fraction, 0) = least_upfront
)
select
    r.provider_id,
    r.gpu_id,
    r.purchase_model,
    r.commitment_months,
    r.market_family,
    r.reference_region,
    median(r.usd_per_gpu_hour) as usd_per_gpu_hour,
    min(r.usd_per_gpu_hour) as min_usd_per_gpu_hour,
    case when min(r.best_rank) < 1000 then min(r.region) end as region,
    bool_and(r.is_region_stated) as is_region_stated,
    case when not bool_or(r.is_marketplace) then max(r.gpu_count) end as gpu_count,
    count(*) as offer_count,
    min(r.source_kind) as source_kind,
    min(r.seen_at) as oldest_seen_at,
    greatest(date_diff('day', min(r.seen_at), max(k.prices_at)), 0) as age_days
from read as r
cross join staged.build_clock as k
where r.is_marketplace or r.gpu_count = r.most_gpus
group by
    r.provider_id, r.gpu_id, r.purchase_model, r.commitment_months, r.market_family,
    r.reference_region

-- One row per provider, accelerator, affected day, purchase model, commitment and market family.
-- provider_id | who rents it out
-- gpu_id | the accelerator
-- day | the day, prices as they stood at its end [UTC date]
-- purchase_model | on_demand, spot, reserved or capacity_block
-- commitment_months | length of the commitment, null where there is none [month]
-- market_family | hyperscaler, neocloud or marketplace
-- source_kind | the best kind of source that has a price for this; lower kinds only witness it
-- median_usd_per_gpu_hour | median of the provider's offers [USD/(GPU h)]
-- min_usd_per_gpu_hour | cheapest offer [USD/(GPU h)]
-- max_usd_per_gpu_hour | dearest offer [USD/(GPU h)]
-- offer_count | offers behind the value
-- seen_on | the longest-ago day on which a source behind it last answered [date]
-- view
with standing as (
    select
        p.provider_id, p.gpu_id, a.day, p.purchase_model, p.commitment_months,
        case when p.market_tier like 'marketplace%' then 'marketplace' else p.market_tier end
            as market_family,
        p.usd_per_gpu_hour, s.kind_rank, s.source_kind,
        least(cast(c.last_good_at as date), a.day) as seen_on
    from staged.affected_offer as p
    inner join meta.source as s on p.source_id = s.source_id
    inner join staged.scope_latest as c
        on p.source_id = c.source_id and p.request_key = c.request_key
    inner join (select distinct day from staged.affected_day where entity = 'offer') as a
        on
            -- standing at the end of the day
            p.valid_from < a.day + interval 1 day
            and (p.valid_to is null or p.valid_to >= a.day + interval 1 day)
            -- a price that nobody has confirmed for 3 days is not carried on
            and (p.valid_to is not null or a.day <= cast(c.last_good_at as date) + 3)
),
best as (
    select *, min(kind_rank) over (
        partition by provider_id, gpu_id, day, purchase_model, commitment_months, market_family
    ) as best_rank
    from standing
)
select
    provider_id,
    gpu_id,
    day,
    purchase_model,
    commitment_months,
    market_family,
    min(source_kind) as source_kind,
    median(usd_per_gpu_hour) as median_usd_per_gpu_hour,
    min(usd_per_gpu_hour) as min_usd_per_gpu_hour,
    max(usd_per_gpu_hour) as max_usd_per_gpu_hour,
    count(*) as offer_count,
    min(seen_on) as seen_on
from best
where kind_rank = best_rank
group by provider_id, gpu_id, day, purchase_model, commitment_months, market_family

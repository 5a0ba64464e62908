-- One row per provider, accelerator, affected day, purchase model, commitment and market family.
-- provider_id | the provider that rents it out
-- gpu_id | the accelerator
-- day | the day, with the prices at its end [UTC date]
-- purchase_model | on_demand, spot, reserved or capacity_block
-- commitment_months | length of the commitment, null where there is none [month]
-- market_family | hyperscaler, neocloud or marketplace
-- source_kind | the best kind of source that has a price for this; lower kinds only witness it
-- median_usd_per_gpu_hour | median of the provider's offers that are not sold out [USD/(GPU h)]
-- min_usd_per_gpu_hour | cheapest offer [USD/(GPU h)]
-- max_usd_per_gpu_hour | most expensive offer [USD/(GPU h)]
-- offer_count | offers behind the value
-- seen_on | the oldest of the days on which the sources behind it had last answered by then [date]
-- method_break | a source behind it that changes its method on these days, and what changed; null where none does
-- view
with affected as (
    select distinct day
    from staged.affected_day
    where entity = 'offer'
),
answer as (
    select
        source_id, request_key, seen_at,
        coalesce(
            lead(seen_at) over (partition by source_id, request_key order by seen_at),
            cast('9999-12-31' as timestamp)
        ) as next_at
    from core.offer_capture
),
-- The newest answer by the end of each day.
seen as (
    select
        a.day, w.source_id, w.request_key, cast(w.seen_at as date) as seen_on,
        w.next_at < cast('9999-12-31' as timestamp) as is_followed
    from affected as a
    inner join answer as w
        on w.seen_at < a.day + interval 1 day and w.next_at >= a.day + interval 1 day
),
-- The days on which a step may be a change of method, by core.method_break.
broken as (
    select a.day, b.source_id, min(b.source_id || ': ' || b.change) as method_break
    from affected as a
    inner join core.method_break as b on a.day between b.break_on and b.settled_on
    group by a.day, b.source_id
),
standing as (
    select
        p.provider_id, p.gpu_id, w.day, p.purchase_model, p.commitment_months,
        case when p.market_tier like 'marketplace%' then 'marketplace' else p.market_tier end
            as market_family,
        p.usd_per_gpu_hour, p.is_available, s.kind_rank, s.source_kind, w.seen_on, b.method_break
    from staged.affected_offer as p
    inner join meta.source as s on p.source_id = s.source_id
    inner join seen as w
        on
            p.source_id = w.source_id and p.request_key = w.request_key
            -- standing at the end of the day
            and p.valid_from < w.day + interval 1 day
            and (p.valid_to is null or p.valid_to >= w.day + interval 1 day)
    left join broken as b on p.source_id = b.source_id and w.day = b.day
    -- A price is carried for 3 days, and over days without an answer if a later answer confirms it.
    where w.is_followed or w.day <= w.seen_on + 3
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
    min(seen_on) as seen_on,
    min(method_break) as method_break
from best
where kind_rank = best_rank and is_available is distinct from false
group by provider_id, gpu_id, day, purchase_model, commitment_months, market_family

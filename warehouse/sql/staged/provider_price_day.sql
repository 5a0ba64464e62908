-- One row per provider, accelerator, affected day, purchase model, commitment and market family.
-- provider_id | the provider that rents it out
-- gpu_id | the accelerator
-- day | the day, with the prices at its end [UTC date]
-- purchase_model | on_demand, spot, reserved or capacity_block
-- commitment_months | length of the commitment, null where there is none [month]
-- market_family | hyperscaler, neocloud or marketplace
-- source_kind | the best kind of source that has a price for this; lower kinds only witness it
-- median_usd_per_gpu_hour | median of the provider's offers that are not sold out, null where none counts [USD/(GPU h)]
-- min_usd_per_gpu_hour | cheapest offer [USD/(GPU h)]
-- max_usd_per_gpu_hour | most expensive offer [USD/(GPU h)]
-- offer_count | offers behind the value
-- is_heard | true where a source behind the value answered on the day
-- seen_on | the oldest of the days on which the offers behind it were last shown; where none counts, the newest day of the old ones [date]
-- is_sold_out | true where none counts and one is fresh: it cannot be rented
-- method_break | a source behind it that changes its method on these days, and what changed; null where none does
-- view
with affected as (
    select distinct day
    from staged.affected_day
    where entity = 'offer'
),
-- The newest answer by the end of each day, for 7 days after a price may no longer count.
answer as (
    select
        a.day, w.source_id, w.request_key, w.seen_at,
        coalesce(w.source_time, w.content_changed_at) as stated_at,
        s.source_kind, s.kind_rank, s.is_first_party,
        greatest(72, 2 * coalesce(s.cadence_hours, 0)) as limit_hours
    from affected as a
    inner join staged.answer as w
        on
            w.seen_at < a.day + interval 1 day
            and coalesce(w.next_at, cast('9999-12-31' as timestamp)) >= a.day + interval 1 day
    inner join meta.source as s on w.source_id = s.source_id
    where date_diff('hour', w.seen_at, a.day + interval 1 day)
        <= greatest(72, 2 * coalesce(s.cadence_hours, 0)) + 168
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
        p.usd_per_gpu_hour, w.kind_rank, w.source_kind, w.limit_hours, b.method_break,
        cast(w.seen_at as date) = w.day as is_heard,
        coalesce(p.is_available, true) as is_available,
        -- When its origin last showed it: what marts.offers_latest calls seen_at.
        case
            when w.is_first_party then w.seen_at
            else least(w.seen_at, coalesce(t.source_time, w.stated_at))
        end as shown_at
    from staged.affected_offer as p
    inner join answer as w
        on
            p.source_id = w.source_id and p.request_key = w.request_key
            -- standing at the end of the day
            and p.valid_from < w.day + interval 1 day
            and (p.valid_to is null or p.valid_to >= w.day + interval 1 day)
    left join staged.offer_stated as t
        on
            p.source_id = t.source_id and p.request_key = t.request_key
            and p.offer_key = t.offer_key and w.seen_at = t.seen_at
    left join broken as b on p.source_id = b.source_id and w.day = b.day
),
judged as (
    select
        *,
        cast(shown_at as date) as shown_on,
        date_diff('minute', shown_at, day + interval 1 day) <= 60 * limit_hours as is_fresh
    from standing
),
best as (
    select
        *,
        -- Who is sold out by its own word is not heard through a lesser kind of source.
        is_fresh and is_available and kind_rank = min(case when is_fresh then kind_rank end) over (
            partition by provider_id, gpu_id, day, purchase_model, commitment_months, market_family
        ) as is_counted
    from judged
)
select
    provider_id,
    gpu_id,
    day,
    purchase_model,
    commitment_months,
    market_family,
    min(case when is_counted then source_kind end) as source_kind,
    median(case when is_counted then usd_per_gpu_hour end) as median_usd_per_gpu_hour,
    min(case when is_counted then usd_per_gpu_hour end) as min_usd_per_gpu_hour,
    max(case when is_counted then usd_per_gpu_hour end) as max_usd_per_gpu_hour,
    count(case when is_counted then 1 end) as offer_count,
    coalesce(bool_or(is_counted and is_heard), false) as is_heard,
    coalesce(min(case when is_counted then shown_on end), max(shown_on)) as seen_on,
    count(case when is_counted then 1 end) = 0 and bool_or(is_fresh) as is_sold_out,
    min(case when is_counted then method_break end) as method_break
from best
group by provider_id, gpu_id, day, purchase_model, commitment_months, market_family

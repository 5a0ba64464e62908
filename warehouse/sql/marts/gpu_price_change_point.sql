-- One row per day on which a daily median changed its level: a change point, and who moved it.
-- gpu_id | the accelerator
-- purchase_model | on_demand, spot, reserved or capacity_block
-- commitment_months | length of the commitment, null where there is none [month]
-- market_family | hyperscaler, neocloud, marketplace, or all
-- day | the first day at the new level [UTC date]
-- before_day | the last day before it with a median, at most 3 days back [UTC date]
-- usd_per_gpu_hour | median on the day [USD/(GPU h)]
-- before_usd_per_gpu_hour | median on the day before it [USD/(GPU h)]
-- change_fraction | change of the median between the two days [1]
-- week_after_usd_per_gpu_hour | median of the medians of the day and the 6 days after it [USD/(GPU h)]
-- week_before_usd_per_gpu_hour | median of the medians of the 7 days before it [USD/(GPU h)]
-- is_settled | true where the 6 days after it have passed; before that it may prove a blip
-- provider_count | independent providers behind the median on the day
-- before_provider_count | the same on the day before it
-- raised_count | providers on both days that ask more
-- lowered_count | providers on both days that ask less
-- entered_count | providers on the day only
-- left_count | providers on the day before it only
-- mover_provider_id | the provider without whose move the median would differ most, null where no single provider decides
-- mover_move | what that provider did: raised, lowered, entered or left
-- same_offers_change_fraction | how much the offers moved that stood on both days, by the same source and method: geometric mean over the providers, one vote each; null where there is none [1]
-- compared_provider_count | providers with such an offer [1]
-- is_price_move | true where that is 5 % or more, in the direction of the median, and three providers compare: prices moved; false where they did not, or too few compare
-- movers | up to five moves, those that decide first; (api, was feed) is another kind of source, not a move
-- method_break | the source that changed its method between the two days, and what changed: no move of a price; null where none did
-- view
-- CTEs are not materialized, so that asking for one accelerator computes one only; checks, which
-- would ask for all of them every day, are in the tests.
with levelled as (
    select
        gpu_id, purchase_model, commitment_months, market_family, day, provider_count,
        median_usd_per_gpu_hour as usd,
        lag(day) over by_day as before_day,
        lag(median_usd_per_gpu_hour) over by_day as before_usd,
        lag(provider_count) over by_day as before_provider_count,
        median(median_usd_per_gpu_hour) over (
            by_day range between interval 7 day preceding and interval 1 day preceding
        ) as week_before,
        median(median_usd_per_gpu_hour) over (
            by_day range between current row and interval 6 day following
        ) as week_after,
        max(day) over (partition by gpu_id, purchase_model, commitment_months, market_family)
            as newest_day
    from marts.gpu_price_daily
    where provider_count >= 3
    window by_day as (
        partition by gpu_id, purchase_model, commitment_months, market_family order by day
    )
),
-- A lasting step: the day moves by 5 % or more, and the weeks around it move the same way.
step as not materialized (
    select *, ln(week_after / week_before) as shift
    from levelled
    where day <= before_day + 3
        and abs(ln(usd / before_usd)) >= ln(1.05)
        and abs(ln(week_after / week_before)) >= ln(1.05)
        and sign(usd - before_usd) = sign(week_after - week_before)
),
-- One level, one point: of steps the same way within a week the largest, of equal ones the first.
point as not materialized (
    select *
    from step
    window near as (
        partition by gpu_id, purchase_model, commitment_months, market_family, sign(shift)
        order by day
    )
    qualify abs(shift) = max(abs(shift)) over (
            near range between interval 6 day preceding and interval 6 day following
        )
        and abs(shift) > coalesce(max(abs(shift)) over (
            near range between interval 6 day preceding and interval 1 day preceding
        ), 0)
),
point_day as (
    select distinct gpu_id, purchase_model, commitment_months, unnest([day, before_day]) as day
    from point
),
-- What staged.provider_price_day holds for the newest days, here for the days of the points.
answer as (
    select
        d.day, w.source_id, w.request_key, w.seen_at,
        coalesce(w.source_time, w.content_changed_at) as stated_at,
        s.source_kind, s.kind_rank, s.is_first_party,
        greatest(72, 2 * coalesce(s.cadence_hours, 0)) as limit_hours
    from (select distinct day from point_day) as d
    inner join staged.answer as w
        on
            w.seen_at < d.day + interval 1 day
            and coalesce(w.next_at, cast('9999-12-31' as timestamp)) >= d.day + interval 1 day
    inner join meta.source as s on w.source_id = s.source_id
),
-- What staged.provider_price_day counts for the newest days, here for the days of the points.
standing as (
    select
        a.gpu_id, a.purchase_model, a.commitment_months, a.day, p.provider_id, p.usd_per_gpu_hour,
        p.source_id, p.is_available, w.kind_rank, w.source_kind,
        case when p.market_tier like 'marketplace%' then 'marketplace' else p.market_tier end
            as market_family,
        -- The machines of a marketplace come and go: there the middle of them is compared.
        case when p.market_tier like 'marketplace%' then p.market_tier
            else concat_ws('|', p.offer_key, p.gpu_count, coalesce(p.upfront_fraction, 0))
        end as item
    from point_day as a
    inner join core.offer_price as p
        on
            a.gpu_id = p.gpu_id and a.purchase_model = p.purchase_model
            and a.commitment_months is not distinct from p.commitment_months
            and p.valid_from < a.day + interval 1 day
            and (p.valid_to is null or p.valid_to >= a.day + interval 1 day)
            and p.superseded_at is null
    inner join answer as w
        on p.source_id = w.source_id and p.request_key = w.request_key and a.day = w.day
    left join staged.offer_stated as t
        on
            p.source_id = t.source_id and p.request_key = t.request_key
            and p.offer_key = t.offer_key and w.seen_at = t.seen_at
    where
        date_diff(
            'minute',
            case
                when w.is_first_party then w.seen_at
                else least(w.seen_at, coalesce(t.source_time, w.stated_at))
            end,
            a.day + interval 1 day
        ) <= 60 * w.limit_hours
),
best as not materialized (
    select *
    from (
        select *, min(kind_rank) over (
            partition by
                gpu_id, purchase_model, commitment_months, day, market_family, provider_id
        ) as best_rank
        from standing
    )
    where kind_rank = best_rank and is_available is distinct from false
),
by_family as not materialized (
    select gpu_id, purchase_model, commitment_months, day, market_family, provider_id,
        median(usd_per_gpu_hour) as usd, min(source_kind) as source_kind
    from best
    group by gpu_id, purchase_model, commitment_months, day, market_family, provider_id
),
item_day as not materialized (
    select gpu_id, purchase_model, commitment_months, day, market_family, provider_id, source_id,
        item, median(usd_per_gpu_hour) as usd
    from best
    group by
        gpu_id, purchase_model, commitment_months, day, market_family, provider_id, source_id, item
),
-- What the offers of each provider did that stood on both days, by the same source and method.
matched as not materialized (
    select
        p.gpu_id, p.purchase_model, p.commitment_months, p.market_family, p.day, n.provider_id,
        avg(ln(n.usd / t.usd)) as log_change
    from point as p
    inner join item_day as n
        on
            p.gpu_id = n.gpu_id and p.purchase_model = n.purchase_model
            and p.commitment_months is not distinct from n.commitment_months
            and p.day = n.day and p.market_family in (n.market_family, 'all')
    inner join item_day as t
        on
            n.gpu_id = t.gpu_id and n.purchase_model = t.purchase_model
            and n.commitment_months is not distinct from t.commitment_months
            and n.market_family = t.market_family and n.provider_id = t.provider_id
            and n.source_id = t.source_id and n.item = t.item and p.before_day = t.day
    anti join core.method_break as b
        on n.source_id = b.source_id and b.break_on <= p.day and b.settled_on > p.before_day
    group by
        p.gpu_id, p.purchase_model, p.commitment_months, p.market_family, p.day, n.provider_id
),
same_offers as not materialized (
    select gpu_id, purchase_model, commitment_months, market_family, day,
        count(*) as compared_provider_count, avg(log_change) as log_change
    from matched
    group by gpu_id, purchase_model, commitment_months, market_family, day
),
-- A declared break of a source that has prices on one of the two days.
broken as not materialized (
    select
        p.gpu_id, p.purchase_model, p.commitment_months, p.market_family, p.day,
        string_agg(
            distinct format('{}: {}', b.source_id, b.change), '; '
            order by format('{}: {}', b.source_id, b.change)
        ) as method_break
    from point as p
    inner join core.method_break as b on b.break_on <= p.day and b.settled_on > p.before_day
    inner join standing as s
        on
            p.gpu_id = s.gpu_id and p.purchase_model = s.purchase_model
            and p.commitment_months is not distinct from s.commitment_months
            and s.day in (p.day, p.before_day) and b.source_id = s.source_id
            and p.market_family in (s.market_family, 'all')
    group by p.gpu_id, p.purchase_model, p.commitment_months, p.market_family, p.day
),
by_provider as not materialized (
    select gpu_id, purchase_model, commitment_months, day, market_family, provider_id, usd,
        source_kind
    from by_family
    union all
    select gpu_id, purchase_model, commitment_months, day, 'all', provider_id, median(usd),
        min(source_kind)
    from by_family
    group by gpu_id, purchase_model, commitment_months, day, provider_id
),
asked as not materialized (
    select
        p.gpu_id, p.purchase_model, p.commitment_months, p.market_family, p.day, b.provider_id,
        max(case when b.day = p.day then b.usd end) as usd,
        max(case when b.day = p.before_day then b.usd end) as before_usd,
        max(case when b.day = p.day then b.source_kind end) as source_kind,
        max(case when b.day = p.before_day then b.source_kind end) as before_source_kind
    from point as p
    inner join by_provider as b
        on
            p.gpu_id = b.gpu_id and p.purchase_model = b.purchase_model
            and p.commitment_months is not distinct from b.commitment_months
            and p.market_family = b.market_family and b.day in (p.day, p.before_day)
    group by
        p.gpu_id, p.purchase_model, p.commitment_months, p.market_family, p.day, b.provider_id
),
-- The median if one provider had stayed as it was, as in marts.gpu_price_mover.
moved as (
    select
        a.gpu_id, a.purchase_model, a.commitment_months, a.market_family, a.day, a.provider_id,
        a.usd, a.before_usd, a.source_kind, a.before_source_kind,
        coalesce(a.source_kind <> a.before_source_kind, false) as is_reread,
        case
            when a.before_usd is null then 'entered'
            when a.usd is null then 'left'
            when a.usd > a.before_usd * (1 + 1e-9) then 'raised'
            when a.usd < a.before_usd * (1 - 1e-9) then 'lowered'
            else 'kept'
        end as move,
        median(o.usd)
        - median(case when o.provider_id = a.provider_id then o.before_usd else o.usd end)
            as contribution
    from asked as a
    inner join asked as o
        on
            a.gpu_id = o.gpu_id and a.purchase_model = o.purchase_model
            and a.commitment_months is not distinct from o.commitment_months
            and a.market_family = o.market_family and a.day = o.day
    group by
        a.gpu_id, a.purchase_model, a.commitment_months, a.market_family, a.day, a.provider_id,
        a.usd, a.before_usd, a.source_kind, a.before_source_kind
),
who as (
    select
        gpu_id, purchase_model, commitment_months, market_family, day,
        count(*) filter (move = 'raised') as raised_count,
        count(*) filter (move = 'lowered') as lowered_count,
        count(*) filter (move = 'entered') as entered_count,
        count(*) filter (move = 'left') as left_count,
        -- The first of the moves below.
        arg_min(
            {'provider_id': provider_id, 'move': move},
            (-abs(contribution), -abs(ln(usd / before_usd)), provider_id)
        )
            filter (abs(contribution) > 1e-9 and move <> 'kept') as mover,
        list(
            case move
                when 'entered' then format('{} entered at {:.4g}', provider_id, usd)
                when 'left' then format('{} left at {:.4g}', provider_id, before_usd)
                else format('{} {:.4g} to {:.4g}', provider_id, before_usd, usd)
            end || case when is_reread
                then format(' ({}, was {})', source_kind, before_source_kind) else '' end
            order by abs(contribution) desc, abs(ln(usd / before_usd)) desc nulls last, provider_id
        ) filter (move <> 'kept') as moves
    from moved
    group by gpu_id, purchase_model, commitment_months, market_family, day
)
select
    p.gpu_id,
    p.purchase_model,
    p.commitment_months,
    p.market_family,
    p.day,
    p.before_day,
    p.usd as usd_per_gpu_hour,
    p.before_usd as before_usd_per_gpu_hour,
    p.usd / p.before_usd - 1 as change_fraction,
    p.week_after as week_after_usd_per_gpu_hour,
    p.week_before as week_before_usd_per_gpu_hour,
    p.newest_day >= p.day + 6 as is_settled,
    p.provider_count,
    p.before_provider_count,
    coalesce(w.raised_count, 0) as raised_count,
    coalesce(w.lowered_count, 0) as lowered_count,
    coalesce(w.entered_count, 0) as entered_count,
    coalesce(w.left_count, 0) as left_count,
    w.mover.provider_id as mover_provider_id,
    w.mover.move as mover_move,
    exp(o.log_change) - 1 as same_offers_change_fraction,
    coalesce(o.compared_provider_count, 0) as compared_provider_count,
    b.method_break is null and coalesce(
        o.compared_provider_count >= 3
        and o.log_change * sign(ln(p.usd / p.before_usd)) >= ln(1.05), false
    ) as is_price_move,
    array_to_string(w.moves[:5], '; ') as movers,
    b.method_break
from point as p
left join who as w
    on
        p.gpu_id = w.gpu_id and p.purchase_model = w.purchase_model
        and p.commitment_months is not distinct from w.commitment_months
        and p.market_family = w.market_family and p.day = w.day
left join same_offers as o
    on
        p.gpu_id = o.gpu_id and p.purchase_model = o.purchase_model
        and p.commitment_months is not distinct from o.commitment_months
        and p.market_family = o.market_family and p.day = o.day
left join broken as b
    on
        p.gpu_id = b.gpu_id and p.purchase_model = b.purchase_model
        and p.commitment_months is not distinct from b.commitment_months
        and p.market_family = b.market_family and p.day = b.day

-- One row per newest value of the index and horizon: how far it moved, and who moved it.
-- gpu_id | the accelerator
-- purchase_model | on_demand, spot, reserved or capacity_block
-- commitment_months | length of the commitment, null where there is none [month]
-- market_family | hyperscaler, neocloud, marketplace_secure or marketplace_community
-- horizon_days | how long ago the comparison is: 1, 7, 30, 90 or 365 [day]
-- day | day of the newest value [UTC date]
-- usd_per_gpu_hour | the index now [USD/(GPU h)]
-- then_day | day that it is compared with, at most 3 days before the horizon [UTC date]
-- then_usd_per_gpu_hour | the index then, null where none was published [USD/(GPU h)]
-- change_fraction | change of the index, null where there is none, or where a declared break of method (core.method_break) contributes [1]
-- matched_change_fraction | median change of the providers that count on both days, without those that enter or leave [1]
-- matched_count | providers that count on both days
-- raised_count | of these, those that ask more
-- lowered_count | of these, those that ask less
-- entered_count | providers that count now only
-- left_count | providers that counted then only
-- remeasured_count | providers on both days whose source changed its method between them: no move of a price
-- mover_provider_id | the provider without whose move the index would differ most, null where no single provider decides
-- movers | up to five moves, those that decide first; (api, was feed) is another kind of source, not a move; (another method) is a declared break
-- reason | why there is no change: no value then, or 'method_break: ' with the sources and what changed; null where there is one
-- check: each row is there once: select gpu_id from {this} group by gpu_id, purchase_model, commitment_months, market_family, horizon_days having count(*) > 1
-- check: a change or a reason: select * from {this} where (change_fraction is null) <> (reason is not null)
with newest as (
    select max(day) as day
    from marts.gpu_price_index
    where usd_per_gpu_hour is not null
),
value_now as (
    select i.gpu_id, i.purchase_model, i.commitment_months, i.market_family, i.day,
        i.usd_per_gpu_hour
    from marts.gpu_price_index as i
    inner join newest as n on i.day between n.day - 3 and n.day
    where i.usd_per_gpu_hour is not null
    qualify row_number() over (
        partition by i.gpu_id, i.purchase_model, i.commitment_months, i.market_family
        order by i.day desc
    ) = 1
),
moved as (
    select
        gpu_id, purchase_model, commitment_months, market_family, horizon_days,
        max(then_day) as then_day,
        exp(
            median(ln(usd_per_gpu_hour / then_usd_per_gpu_hour)) filter (move <> 'remeasured')
        ) - 1 as matched_change_fraction,
        count(change_fraction) filter (move <> 'remeasured') as matched_count,
        count(*) filter (move = 'raised') as raised_count,
        count(*) filter (move = 'lowered') as lowered_count,
        count(*) filter (move = 'entered') as entered_count,
        count(*) filter (move = 'left') as left_count,
        count(*) filter (move = 'remeasured') as remeasured_count,
        -- The first of the moves below.
        arg_min(
            provider_id,
            (-abs(contribution_usd_per_gpu_hour), -abs(change_fraction), provider_id)
        )
            filter (
                abs(contribution_usd_per_gpu_hour) > 1e-9 and move <> 'kept'
                and method_break is null
            )
            as mover_provider_id,
        list(
            case move
                when 'entered' then format('{} entered at {:.4g}', provider_id, usd_per_gpu_hour)
                when 'left' then format('{} left at {:.4g}', provider_id, then_usd_per_gpu_hour)
                else format(
                    '{} {:.4g} to {:.4g}', provider_id, then_usd_per_gpu_hour, usd_per_gpu_hour
                ) || case when source_kind <> then_source_kind
                    then format(' ({}, was {})', source_kind, then_source_kind) else '' end
            end || case when method_break is not null then ' (another method)' else '' end
            order by
                abs(contribution_usd_per_gpu_hour) desc, abs(change_fraction) desc nulls last,
                provider_id
        ) filter (move <> 'kept') as moves,
        -- Reported only if the index would differ without it.
        case
            when coalesce(
                abs(
                    median(usd_per_gpu_hour)
                    - median(case when method_break is null then usd_per_gpu_hour
                        else then_usd_per_gpu_hour end)
                ) > 1e-9, true
            )
                then string_agg(distinct method_break, '; ' order by method_break)
        end as method_break
    from marts.gpu_price_mover
    group by gpu_id, purchase_model, commitment_months, market_family, horizon_days
)
select
    n.gpu_id,
    n.purchase_model,
    n.commitment_months,
    n.market_family,
    h.horizon_days,
    n.day,
    n.usd_per_gpu_hour,
    t.day as then_day,
    t.usd_per_gpu_hour as then_usd_per_gpu_hour,
    case when m.method_break is null then n.usd_per_gpu_hour / t.usd_per_gpu_hour - 1
    end as change_fraction,
    m.matched_change_fraction,
    coalesce(m.matched_count, 0) as matched_count,
    coalesce(m.raised_count, 0) as raised_count,
    coalesce(m.lowered_count, 0) as lowered_count,
    coalesce(m.entered_count, 0) as entered_count,
    coalesce(m.left_count, 0) as left_count,
    coalesce(m.remeasured_count, 0) as remeasured_count,
    m.mover_provider_id,
    array_to_string(m.moves[:5], '; ') as movers,
    case
        when t.day is null
            then format('no value {} to {} days before', h.horizon_days, h.horizon_days + 3)
        else 'method_break: ' || m.method_break
    end as reason
from value_now as n
cross join (select unnest([1, 7, 30, 90, 365]) as horizon_days) as h
left join moved as m
    on
        n.gpu_id = m.gpu_id and n.purchase_model = m.purchase_model
        and n.commitment_months is not distinct from m.commitment_months
        and n.market_family = m.market_family and h.horizon_days = m.horizon_days
left join marts.gpu_price_index as t
    on
        n.gpu_id = t.gpu_id and n.purchase_model = t.purchase_model
        and n.commitment_months is not distinct from t.commitment_months
        and n.market_family = t.market_family and t.day = m.then_day

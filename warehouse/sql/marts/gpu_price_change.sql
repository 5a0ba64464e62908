-- One row per newest value of the index and horizon: how much the same offers moved, and what other sellers and offers did to the index.
-- gpu_id | the accelerator
-- purchase_model | on_demand, spot, reserved or capacity_block
-- commitment_months | length of the commitment, null where there is none [month]
-- market_family | hyperscaler, neocloud, marketplace_secure or marketplace_community
-- reference_region | us, europe or asia
-- horizon_days | how long ago the comparison is: 1, 7, 30, 90 or 365 [day]
-- day | day of the newest value [UTC date]
-- usd_per_gpu_hour | the index now [USD/(GPU h)]
-- then_day | day that it is compared with, at most 3 days before the horizon [UTC date]
-- then_usd_per_gpu_hour | the index then, null where none was published [USD/(GPU h)]
-- change_fraction | how much the offers moved that stood on both days: geometric mean over the providers of that of their offers, one vote each; null below three providers [1]
-- compared_provider_count | providers with such an offer [1]
-- compared_offer_count | such offers [1]
-- index_change_fraction | change of the index, which other sellers and other offers move too; null where a declared break of method (core.method_break) has a part in it [1]
-- mix_change_fraction | what is left of that: the composition, other sellers and other offers [1]
-- raised_count | of the providers that compare, those that charge more
-- lowered_count | of these, those that charge less
-- entered_count | providers that count now only
-- left_count | providers that counted then only
-- unmatched_count | providers on both days without an offer on both: other offers, another kind of source or another method
-- mover_provider_id | the provider that adds most to the change of the same offers; null where none of them moved
-- movers | up to five providers whose own offers moved, those that add most first
-- composition | up to five providers that entered, left or are read elsewhere; (api, was feed) is another kind of source, (another method) a declared break
-- reason | why there is no change: no value then, or too few providers that compare; null where there is one
-- check: each row is there once: select gpu_id from {this} group by gpu_id, purchase_model, commitment_months, market_family, reference_region, horizon_days having count(*) > 1
-- check: a change or a reason: select * from {this} where (change_fraction is null) <> (reason is not null)
-- check: what the providers add is the change: select c.gpu_id from {this} as c inner join (select gpu_id, purchase_model, commitment_months, market_family, reference_region, horizon_days, sum(contribution_log) as log_change from marts.gpu_price_mover group by all) as m on c.gpu_id = m.gpu_id and c.purchase_model = m.purchase_model and c.commitment_months is not distinct from m.commitment_months and c.market_family = m.market_family and c.reference_region = m.reference_region and c.horizon_days = m.horizon_days where abs(ln(1 + c.change_fraction) - m.log_change) > 1e-9
with newest as (
    select max(day) as day
    from marts.gpu_price_index
    where usd_per_gpu_hour is not null
),
value_now as (
    select i.gpu_id, i.purchase_model, i.commitment_months, i.market_family,
        i.reference_region, i.day, i.usd_per_gpu_hour
    from marts.gpu_price_index as i
    inner join newest as n on i.day between n.day - 3 and n.day
    where i.usd_per_gpu_hour is not null and i.reference_region is not null
    qualify row_number() over (
        partition by
            i.gpu_id, i.purchase_model, i.commitment_months, i.market_family, i.reference_region
        order by i.day desc
    ) = 1
),
moved as (
    select
        gpu_id, purchase_model, commitment_months, market_family, reference_region, horizon_days,
        max(then_day) as then_day,
        sum(contribution_log) as log_change,
        count(contribution_log) as compared_provider_count,
        sum(offer_count) as compared_offer_count,
        count(*) filter (move = 'raised') as raised_count,
        count(*) filter (move = 'lowered') as lowered_count,
        count(*) filter (move = 'entered') as entered_count,
        count(*) filter (move = 'left') as left_count,
        count(*) filter (move in ('other_offers', 'remeasured')) as unmatched_count,
        arg_min(provider_id, (-abs(contribution_log), provider_id))
            filter (move in ('raised', 'lowered')) as mover_provider_id,
        list(
            format(
                '{} {:+.1f} % ({} offer{})', provider_id, 100 * change_fraction, offer_count,
                case when offer_count = 1 then '' else 's' end
            )
            order by abs(contribution_log) desc, provider_id
        ) filter (move in ('raised', 'lowered')) as moves,
        list(
            case move
                when 'entered' then format('{} entered at {:.4g}', provider_id, usd_per_gpu_hour)
                when 'left' then format('{} left at {:.4g}', provider_id, then_usd_per_gpu_hour)
                else format('{} {:.4g} to {:.4g}', provider_id, then_usd_per_gpu_hour, usd_per_gpu_hour)
                    || case
                        when source_kind <> then_source_kind
                            then format(' ({}, was {})', source_kind, then_source_kind)
                        when method_break is not null then ''
                        when starts_with(market_family, 'marketplace') then ' (under five asks)'
                        else ' (other offers)'
                    end
            end || case when method_break is not null then ' (another method)' else '' end
            order by provider_id
        ) filter (move in ('entered', 'left', 'other_offers', 'remeasured')) as others,
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
    group by
        gpu_id, purchase_model, commitment_months, market_family, reference_region, horizon_days
),
joined as (
    select
        n.*, h.horizon_days, t.day as then_day, t.usd_per_gpu_hour as then_usd_per_gpu_hour,
        m.* exclude (
            gpu_id, purchase_model, commitment_months, market_family, reference_region,
            horizon_days, then_day
        ),
        case when m.compared_provider_count >= 3 then exp(m.log_change) - 1 end
            as change_fraction,
        case when m.method_break is null then n.usd_per_gpu_hour / t.usd_per_gpu_hour - 1 end
            as index_change_fraction
    from value_now as n
    cross join (select unnest([1, 7, 30, 90, 365]) as horizon_days) as h
    left join moved as m
        on
            n.gpu_id = m.gpu_id and n.purchase_model = m.purchase_model
            and n.commitment_months is not distinct from m.commitment_months
            and n.market_family = m.market_family and n.reference_region = m.reference_region
            and h.horizon_days = m.horizon_days
    left join marts.gpu_price_index as t
        on
            n.gpu_id = t.gpu_id and n.purchase_model = t.purchase_model
            and n.commitment_months is not distinct from t.commitment_months
            and n.market_family = t.market_family and n.reference_region = t.reference_region
            and t.day = m.then_day
)
select
    gpu_id,
    purchase_model,
    commitment_months,
    market_family,
    reference_region,
    horizon_days,
    day,
    usd_per_gpu_hour,
    then_day,
    then_usd_per_gpu_hour,
    change_fraction,
    coalesce(compared_provider_count, 0) as compared_provider_count,
    coalesce(cast(compared_offer_count as bigint), 0) as compared_offer_count,
    index_change_fraction,
    (1 + index_change_fraction) / (1 + change_fraction) - 1 as mix_change_fraction,
    coalesce(raised_count, 0) as raised_count,
    coalesce(lowered_count, 0) as lowered_count,
    coalesce(entered_count, 0) as entered_count,
    coalesce(left_count, 0) as left_count,
    coalesce(unmatched_count, 0) as unmatched_count,
    mover_provider_id,
    array_to_string(moves[:5], '; ') as movers,
    array_to_string(others[:5], '; ') as composition,
    case
        when then_day is null
            then format('no value {} to {} days before', horizon_days, horizon_days + 3)
        when change_fraction is null
            then format('{} of 3 providers have an offer that stood on both days', compared_provider_count)
            || coalesce('; method_break: ' || method_break, '')
    end as reason
from joined

-- One row per value of the price index that moved between two days.
-- gpu_id | the accelerator
-- purchase_model | on_demand, spot, reserved or capacity_block
-- commitment_months | length of the commitment, null without one [month]
-- market_family | whose prices the index holds
-- before_usd_per_gpu_hour | the value at the end of the earlier day [USD/(GPU h)]
-- usd_per_gpu_hour | the value at the end of the later day [USD/(GPU h)]
-- same_providers_change_fraction | change of the median of the providers on both days, read from the same kind of source: what prices did; null where there are none [1]
-- change_fraction | change of the value: providers that came or went move it too [1]
-- provider_count | providers that count in the later value
-- moved_by | the providers that changed, entered or left, largest move first
-- parameter: since | the earlier day, with the prices at its end
-- parameter: until | the later day, with the prices at its end
-- parameter: threshold | the smallest move to list, as a fraction [1]
with standing as (
    select *, $until::date as asked_on
    from marts.gpu_price_index
    where day between $until::date - 3 and $until::date and usd_per_gpu_hour is not null
    union all
    select *, $since::date
    from marts.gpu_price_index
    where day between $since::date - 3 and $since::date and usd_per_gpu_hour is not null
),
-- The value of a day is its own, or one of up to 3 days before.
value as (
    select * from standing
    qualify row_number() over (
        partition by asked_on, gpu_id, purchase_model, commitment_months, market_family
        order by day desc
    ) = 1
),
moved as (
    select n.gpu_id, n.purchase_model, n.commitment_months, n.market_family,
        t.usd_per_gpu_hour as before_usd_per_gpu_hour, n.usd_per_gpu_hour,
        n.usd_per_gpu_hour / t.usd_per_gpu_hour - 1 as change_fraction, n.provider_count,
        n.day, t.day as before_day
    from value as n
    inner join value as t
        on n.gpu_id = t.gpu_id and n.purchase_model = t.purchase_model
        and n.commitment_months is not distinct from t.commitment_months
        and n.market_family = t.market_family
        and n.asked_on = $until::date and t.asked_on = $since::date
    where abs(n.usd_per_gpu_hour / t.usd_per_gpu_hour - 1) >= $threshold
),
input as (
    select m.gpu_id, m.purchase_model, m.commitment_months, m.market_family,
        i.provider_id,
        max(case when i.day = m.day then i.median_usd_per_gpu_hour end) as usd,
        max(case when i.day = m.before_day then i.median_usd_per_gpu_hour end) as before,
        max(case when i.day = m.day then i.source_kind end) as source_kind,
        max(case when i.day = m.before_day then i.source_kind end) as source_kind_before,
        bool_or(b.source_id is not null) as is_remeasured
    from moved as m
    inner join marts.gpu_price_index_input as i
        on m.gpu_id = i.gpu_id and m.purchase_model = i.purchase_model
        and m.commitment_months is not distinct from i.commitment_months
        and m.market_family = i.market_family and i.day in (m.day, m.before_day)
        and i.exclusion is null
    left join core.method_break as b
        on list_contains(string_split(i.source_ids, ', '), b.source_id)
        and b.break_on <= m.day and b.settled_on > m.before_day
    group by m.gpu_id, m.purchase_model, m.commitment_months, m.market_family, i.provider_id
),
compared as (
    select *, not is_remeasured and source_kind = source_kind_before as is_comparable
    from input
),
explained as (
    select gpu_id, purchase_model, commitment_months, market_family,
        median(usd) filter (is_comparable) / median(before) filter (is_comparable) - 1
            as same_providers_change_fraction,
        string_agg(
            case
                when before is null then format('{} entered at {:.3g}', provider_id, usd)
                when usd is null then format('{} left at {:.3g}', provider_id, before)
                -- A change of source or of method is not a move of the price, and is named.
                else format('{} {:.3g} to {:.3g}', provider_id, before, usd)
                    || case when is_remeasured then ' (another method)' else '' end
                    || case when source_kind <> source_kind_before
                        then format(' ({}, was {})', source_kind, source_kind_before)
                        else ''
                    end
            end,
            '; ' order by abs(ln(usd / before)) desc nulls last, provider_id
        ) filter (usd is distinct from before) as moved_by
    from compared
    group by gpu_id, purchase_model, commitment_months, market_family
)
select m.gpu_id, m.purchase_model, m.commitment_months, m.market_family,
    m.before_usd_per_gpu_hour, m.usd_per_gpu_hour, e.same_providers_change_fraction,
    m.change_fraction, m.provider_count, e.moved_by
from moved as m
left join explained as e
    on m.gpu_id = e.gpu_id and m.purchase_model = e.purchase_model
    and m.commitment_months is not distinct from e.commitment_months
    and m.market_family = e.market_family
order by
    abs(coalesce(e.same_providers_change_fraction, 0)) desc, abs(m.change_fraction) desc, m.gpu_id

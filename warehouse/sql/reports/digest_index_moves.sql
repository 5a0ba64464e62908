-- One row per value of the price index that moved between two days.
-- gpu_id | the accelerator
-- purchase_model | on_demand, spot, reserved or capacity_block
-- commitment_months | length of the commitment, null without one [month]
-- market_family | whose prices the index holds
-- reference_region | us, europe or asia
-- before_usd_per_gpu_hour | the value at the end of the earlier day [USD/(GPU h)]
-- usd_per_gpu_hour | the value at the end of the later day [USD/(GPU h)]
-- change_fraction | how much the offers moved that stood on both days; null below three providers [1]
-- compared_provider_count | providers with such an offer [1]
-- index_change_fraction | change of the value: other sellers and other offers move it too [1]
-- provider_count | providers that count in the later value
-- moved_by | the providers whose own offers moved, those that add most first
-- composition | the providers that entered, left or are read elsewhere
-- depends on: core.offer_price
-- parameter: since | the earlier day, with the prices at its end
-- parameter: until | the later day, with the prices at its end
-- parameter: threshold | the smallest move to list, as a fraction [1]
with standing as (
    select *, $until::date as asked_on
    from marts.gpu_price_index
    where day between $until::date - 3 and $until::date and usd_per_gpu_hour is not null
        and reference_region is not null
    union all
    select *, $since::date
    from marts.gpu_price_index
    where day between $since::date - 3 and $since::date and usd_per_gpu_hour is not null
        and reference_region is not null
),
-- The value of a day is its own, or one of up to 3 days before.
value as (
    select * from standing
    qualify row_number() over (
        partition by
            asked_on, gpu_id, purchase_model, commitment_months, market_family, reference_region
        order by day desc
    ) = 1
),
compared as (
    select n.gpu_id, n.purchase_model, n.commitment_months, n.market_family, n.reference_region,
        t.usd_per_gpu_hour as before_usd_per_gpu_hour, n.usd_per_gpu_hour,
        n.usd_per_gpu_hour / t.usd_per_gpu_hour - 1 as index_change_fraction, n.provider_count,
        n.day, t.day as before_day, n.revision, t.revision as before_revision,
        n.methodology_version
    from value as n
    inner join value as t
        on n.gpu_id = t.gpu_id and n.purchase_model = t.purchase_model
        and n.commitment_months is not distinct from t.commitment_months
        and n.market_family = t.market_family and n.reference_region = t.reference_region
        and n.methodology_version = t.methodology_version
        and n.asked_on = $until::date and t.asked_on = $since::date
),
input as (
    select m.gpu_id, m.purchase_model, m.commitment_months, m.market_family, m.reference_region,
        i.provider_id,
        max(case when i.day = m.day then i.median_usd_per_gpu_hour end) as usd,
        max(case when i.day = m.before_day then i.median_usd_per_gpu_hour end) as before,
        max(case when i.day = m.day then i.source_kind end) as source_kind,
        max(case when i.day = m.before_day then i.source_kind end) as source_kind_before,
        bool_or(b.source_id is not null) as is_remeasured
    from compared as m
    inner join marts.gpu_price_index_input as i
        on m.gpu_id = i.gpu_id and m.purchase_model = i.purchase_model
        and m.commitment_months is not distinct from i.commitment_months
        and m.market_family = i.market_family and m.reference_region = i.reference_region
        and m.methodology_version = i.methodology_version and i.exclusion is null
        and (
            (i.day = m.day and i.revision = m.revision)
            or (i.day = m.before_day and i.revision = m.before_revision)
        )
    left join core.method_break as b
        on list_contains(string_split(i.source_ids, ', '), b.source_id)
        and b.break_on <= m.day and b.settled_on > m.before_day
    group by m.gpu_id, m.purchase_model, m.commitment_months, m.market_family,
        m.reference_region, i.provider_id
),
explained as (
    select i.gpu_id, i.purchase_model, i.commitment_months, i.market_family, i.reference_region,
        case when count(o.log_change) >= 3 then exp(avg(o.log_change)) - 1 end as change_fraction,
        count(o.log_change) as compared_provider_count,
        string_agg(
            format(
                '{} {:+.1f} % ({} offer{})', i.provider_id, 100 * (exp(o.log_change) - 1),
                o.offer_count, case when o.offer_count = 1 then '' else 's' end
            ),
            '; ' order by abs(o.log_change) desc, i.provider_id
        ) filter (abs(o.log_change) > 1e-9) as moved_by,
        string_agg(
            case
                when i.before is null then format('{} entered at {:.3g}', i.provider_id, i.usd)
                when i.usd is null then format('{} left at {:.3g}', i.provider_id, i.before)
                else format('{} {:.3g} to {:.3g}', i.provider_id, i.before, i.usd)
                    || case
                        when i.is_remeasured then ' (another method)'
                        when i.source_kind <> i.source_kind_before
                            then format(' ({}, was {})', i.source_kind, i.source_kind_before)
                        when starts_with(i.market_family, 'marketplace') then ' (under five asks)'
                        else ' (other offers)'
                    end
            end,
            '; ' order by i.provider_id
        ) filter (o.log_change is null) as composition
    from input as i
    left join (
        from same_offers_between(cast($since as date), cast($until as date))
    ) as o
        on i.gpu_id = o.gpu_id and i.purchase_model = o.purchase_model
        and i.commitment_months is not distinct from o.commitment_months
        and i.market_family = o.market_family and i.reference_region = o.reference_region
        and i.provider_id = o.provider_id and i.usd is not null and i.before is not null
        and i.source_kind = i.source_kind_before
    group by i.gpu_id, i.purchase_model, i.commitment_months, i.market_family, i.reference_region
)
select m.gpu_id, m.purchase_model, m.commitment_months, m.market_family, m.reference_region,
    m.before_usd_per_gpu_hour, m.usd_per_gpu_hour, e.change_fraction, e.compared_provider_count,
    m.index_change_fraction, m.provider_count, e.moved_by, e.composition
from compared as m
left join explained as e
    on m.gpu_id = e.gpu_id and m.purchase_model = e.purchase_model
    and m.commitment_months is not distinct from e.commitment_months
    and m.market_family = e.market_family and m.reference_region = e.reference_region
where abs(m.index_change_fraction) >= $threshold or abs(e.change_fraction) >= $threshold
order by
    abs(coalesce(e.change_fraction, 0)) desc, abs(m.index_change_fraction) desc, m.gpu_id,
    m.market_family, m.reference_region

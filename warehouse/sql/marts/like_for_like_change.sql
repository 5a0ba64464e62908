-- One row per accelerator or class, contract, family, region and horizon: how much the same offers moved, beside the median.
-- gpu_id | the accelerator; null where a whole class is measured
-- gpu_class | the class, where the accelerators of a class are measured together; null else
-- purchase_model | on_demand, spot, reserved or capacity_block
-- commitment_months | length of the commitment, null where there is none [month]
-- market_family | hyperscaler, neocloud or marketplace
-- reference_region | us, europe or asia
-- horizon_months | how long ago the comparison is: 1, 3 or 12 months; null for the start of the segment [month]
-- month | the newest month of the index [UTC date]
-- then_month | the month that it is compared with, of the same segment [UTC date]
-- evidence | published, or thin: for no headline and no ranking
-- like_for_like_change_fraction | how much the same offers moved [1]
-- is_sure | true where the whole segment is compared and its interval leaves out no change, so that "fell" or "rose" may be said; null for part of a segment
-- movers | up to five providers whose own offers moved it, the largest first: what each added to its change, and the offers compared on its last link
-- median_usd_per_gpu_hour | median of the providers in the newest month; null for a class [USD/(GPU h)]
-- median_provider_count | providers behind it; null for a class [1]
-- then_median_usd_per_gpu_hour | the same in then_month [USD/(GPU h)]
-- then_median_provider_count | providers behind it [1]
-- median_change_fraction | how much the median of the providers moved; null for a class [1]
-- mix_change_fraction | what is left: other sellers and other offers; null for a class [1]
-- drift_fraction | see marts.like_for_like_index [1]
-- link_provider_count | fewest providers on a link in between [1]
-- check: each row is there once: select gpu_id from {this} group by gpu_id, gpu_class, purchase_model, commitment_months, market_family, reference_region, horizon_months having count(*) > 1
with newest as (
    select *
    from marts.like_for_like_index
    qualify row_number() over (
        partition by
            gpu_id, gpu_class, purchase_model, commitment_months, market_family, reference_region
        order by month desc
    ) = 1
),
compared as (
    select
        n.*, h.horizon_months,
        case
            when h.horizon_months is null then n.segment_started_on
            else cast(n.month - to_months(h.horizon_months) as date)
        end as then_month
    from newest as n
    cross join (select unnest([1, 3, 12, null]) as horizon_months) as h
    where n.month > n.segment_started_on
),
-- Median over providers of the geometric mean of the offers of each.
provider_month as (
    select
        gpu_id, purchase_model, commitment_months, market_family, reference_region, month,
        provider_id, exp(round(avg(ln(usd_per_gpu_hour)), 12)) as usd_per_gpu_hour
    from marts.item_price_month
    group by
        gpu_id, purchase_model, commitment_months, market_family, reference_region, month,
        provider_id
),
median_month as (
    select
        gpu_id, purchase_model, commitment_months, market_family, reference_region, month,
        median(usd_per_gpu_hour) as usd_per_gpu_hour, count(*) as provider_count
    from provider_month
    group by
        gpu_id, purchase_model, commitment_months, market_family, reference_region, month
),
between_months as (
    select
        c.gpu_id, c.gpu_class, c.purchase_model, c.commitment_months, c.market_family,
        c.reference_region, c.horizon_months,
        min(i.link_provider_count) filter (i.month > c.then_month) as link_provider_count
    from compared as c
    inner join marts.like_for_like_index as i
        on
            c.gpu_id is not distinct from i.gpu_id
            and c.gpu_class is not distinct from i.gpu_class
            and c.purchase_model = i.purchase_model
            and c.commitment_months is not distinct from i.commitment_months
            and c.market_family = i.market_family and c.reference_region = i.reference_region
            and i.month between c.then_month and c.month
    group by
        c.gpu_id, c.gpu_class, c.purchase_model, c.commitment_months, c.market_family,
        c.reference_region, c.horizon_months
),
-- The index moves by the mean of the votes, so that what the providers added sums to its change.
added as (
    select
        c.gpu_id, c.gpu_class, c.purchase_model, c.commitment_months, c.market_family,
        c.reference_region, c.horizon_months, k.provider_id,
        sum(k.contribution_log) as contribution_log, arg_max(k.item_count, k.month) as item_count
    from compared as c
    inner join marts.like_for_like_link as k
        on
            c.gpu_id is not distinct from k.gpu_id
            and c.gpu_class is not distinct from k.gpu_class
            and c.purchase_model = k.purchase_model
            and c.commitment_months is not distinct from k.commitment_months
            and c.market_family = k.market_family and c.reference_region = k.reference_region
            and k.provider_minimum = case when c.evidence = 'published' then 3 else 2 end
            and k.month > c.then_month and k.month <= c.month
    group by
        c.gpu_id, c.gpu_class, c.purchase_model, c.commitment_months, c.market_family,
        c.reference_region, c.horizon_months, k.provider_id
),
named as (
    select
        gpu_id, gpu_class, purchase_model, commitment_months, market_family, reference_region,
        horizon_months,
        array_to_string(
            list(
                format(
                    '{} {:+.1f} % ({})', provider_id, 100 * (exp(contribution_log) - 1), item_count
                )
                order by abs(contribution_log) desc, provider_id
            )[:5],
            '; '
        ) as movers
    from added
    where abs(contribution_log) > 1e-9
    group by
        gpu_id, gpu_class, purchase_model, commitment_months, market_family, reference_region,
        horizon_months
)
select
    c.gpu_id,
    c.gpu_class,
    c.purchase_model,
    c.commitment_months,
    c.market_family,
    c.reference_region,
    c.horizon_months,
    c.month,
    c.then_month,
    c.evidence,
    c.index_segment_start_100 / t.index_segment_start_100 - 1 as like_for_like_change_fraction,
    case when c.then_month = c.segment_started_on then c.low_80 > 100 or c.high_80 < 100 end
        as is_sure,
    a.movers,
    m.usd_per_gpu_hour as median_usd_per_gpu_hour,
    m.provider_count as median_provider_count,
    b.usd_per_gpu_hour as then_median_usd_per_gpu_hour,
    b.provider_count as then_median_provider_count,
    m.usd_per_gpu_hour / b.usd_per_gpu_hour - 1 as median_change_fraction,
    (m.usd_per_gpu_hour / b.usd_per_gpu_hour)
    / (c.index_segment_start_100 / t.index_segment_start_100) - 1 as mix_change_fraction,
    c.drift_fraction,
    w.link_provider_count
from compared as c
inner join marts.like_for_like_index as t
    on
        c.gpu_id is not distinct from t.gpu_id
        and c.gpu_class is not distinct from t.gpu_class
        and c.purchase_model = t.purchase_model
        and c.commitment_months is not distinct from t.commitment_months
        and c.market_family = t.market_family and c.reference_region = t.reference_region
        and c.then_month = t.month and c.segment_started_on = t.segment_started_on
        and c.evidence = t.evidence
left join median_month as m
    on
        c.gpu_id = m.gpu_id and c.purchase_model = m.purchase_model
        and c.commitment_months is not distinct from m.commitment_months
        and c.market_family = m.market_family and c.reference_region = m.reference_region
        and c.month = m.month
left join median_month as b
    on
        c.gpu_id = b.gpu_id and c.purchase_model = b.purchase_model
        and c.commitment_months is not distinct from b.commitment_months
        and c.market_family = b.market_family and c.reference_region = b.reference_region
        and c.then_month = b.month
left join between_months as w
    on
        c.gpu_id is not distinct from w.gpu_id
        and c.gpu_class is not distinct from w.gpu_class
        and c.purchase_model = w.purchase_model
        and c.commitment_months is not distinct from w.commitment_months
        and c.market_family = w.market_family and c.reference_region = w.reference_region
        and c.horizon_months is not distinct from w.horizon_months
left join named as a
    on
        c.gpu_id is not distinct from a.gpu_id
        and c.gpu_class is not distinct from a.gpu_class
        and c.purchase_model = a.purchase_model
        and c.commitment_months is not distinct from a.commitment_months
        and c.market_family = a.market_family and c.reference_region = a.reference_region
        and c.horizon_months is not distinct from a.horizon_months

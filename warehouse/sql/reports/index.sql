-- One row per market family, part of the world and commitment of a GPU: the newest value of its price index.
-- market_family | whose prices the index holds
-- reference_region | us, europe or asia: the last two only where there is a value; null under earlier rules
-- commitment_months | length of the commitment, null without one [month]
-- day | the day of the value
-- usd_per_gpu_hour | the value, null where it is withheld [USD/(GPU h)]
-- p10 | 10th percentile of the prices [USD/(GPU h)]
-- p90 | 90th percentile of the prices [USD/(GPU h)]
-- providers | providers that count
-- trimmed | providers left out as too far from the others
-- same_offers_1_month | how the same offers moved to the newest month from the one before [1]
-- same_offers_until | that newest month, which may lie before the day of the value [date]
-- same_offers_3_months | the same over 3 months; null where too few providers compare in between [1]
-- same_offers_12_months | the same over 12 months [1]
-- compared_providers | fewest providers that compare within that month [1]
-- moved_by | whose own prices moved the same offers in that month
-- change_7_days | how the offers moved that stood 7 days before, too; null where fewer than three providers have one [1]
-- change_30_days | the same over 30 days [1]
-- change_90_days | the same over 90 days [1]
-- change_365_days | the same over 365 days [1]
-- index_change_30_days | change of the index over 30 days: sellers that came or went are in it [1]
-- withheld_reason | why there is no value, null where there is one
-- parameter: gpu_id | the accelerator
-- parameter: purchase_model | on_demand, spot, reserved or capacity_block
-- parameter: market_family | only this family, both tiers of a marketplace; each, if null
-- parameter: min_providers | fewest providers of a value that is listed [1]
with newest as (
    select *
    from marts.gpu_price_index
    where gpu_id = $gpu_id and purchase_model = $purchase_model
        and ($market_family is null or starts_with(market_family, $market_family))
        and (usd_per_gpu_hour is null or provider_count >= $min_providers)
    qualify row_number() over (
        partition by market_family, commitment_months, reference_region order by day desc
    ) = 1
),
moved as (
    select market_family, commitment_months, reference_region,
        max(change_fraction) filter (horizon_days = 7) as change_7_days,
        max(change_fraction) filter (horizon_days = 30) as change_30_days,
        max(change_fraction) filter (horizon_days = 90) as change_90_days,
        max(change_fraction) filter (horizon_days = 365) as change_365_days,
        max(index_change_fraction) filter (horizon_days = 30) as index_change_30_days
    from marts.gpu_price_change
    where gpu_id = $gpu_id and purchase_model = $purchase_model
    group by market_family, commitment_months, reference_region
),
-- A secure and a community marketplace are one seller's tiers: they have no matched index apart.
same_offers as (
    select market_family, commitment_months, reference_region,
        max(like_for_like_change_fraction) filter (horizon_months = 1) as same_offers_1_month,
        max(month) as same_offers_until,
        max(like_for_like_change_fraction) filter (horizon_months = 3) as same_offers_3_months,
        max(like_for_like_change_fraction) filter (horizon_months = 12) as same_offers_12_months,
        max(link_provider_count) filter (horizon_months = 1) as compared_providers,
        max(movers) filter (horizon_months = 1) as moved_by
    from marts.like_for_like_change
    where gpu_id = $gpu_id and purchase_model = $purchase_model and evidence = 'published'
    group by market_family, commitment_months, reference_region
)
select n.market_family, n.reference_region, n.commitment_months, n.day, n.usd_per_gpu_hour,
    n.p10_usd_per_gpu_hour as p10, n.p90_usd_per_gpu_hour as p90,
    n.provider_count as providers, n.n_trimmed as trimmed,
    s.same_offers_1_month, s.same_offers_until, s.same_offers_3_months, s.same_offers_12_months,
    s.compared_providers, s.moved_by,
    m.change_7_days, m.change_30_days, m.change_90_days, m.change_365_days,
    m.index_change_30_days, n.withheld_reason
from newest as n
left join moved as m
    on
        n.market_family = m.market_family and n.reference_region = m.reference_region
        and n.commitment_months is not distinct from m.commitment_months
left join same_offers as s
    on
        n.market_family = s.market_family and n.reference_region = s.reference_region
        and n.commitment_months is not distinct from s.commitment_months
where coalesce(n.reference_region, 'us') = 'us' or n.usd_per_gpu_hour is not null
order by
    n.market_family, n.reference_region desc, n.commitment_months nulls first

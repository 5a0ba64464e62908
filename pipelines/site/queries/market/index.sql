-- One row per GPU, purchase model, market family and part of the world: the index of its newest day.
-- gpu_id | the accelerator
-- is_coarse | true where the name gives no form factor or memory: a separate index, not comparable
-- purchase_model | on_demand, spot, reserved or capacity_block
-- market_family | hyperscaler, neocloud, marketplace_secure or marketplace_community; never mixed
-- reference_region | us; europe or asia where there is a value
-- usd_per_gpu_hour | the index: median of the providers' medians; null where it is withheld [USD/(GPU h)]
-- p10_usd_per_gpu_hour | 10th percentile of the providers' medians [USD/(GPU h)]
-- p90_usd_per_gpu_hour | 90th percentile of the providers' medians [USD/(GPU h)]
-- provider_count | independent providers behind the value
-- n_in | providers with a price, before trimming
-- n_trimmed | providers trimmed: over 3.5 robust standard deviations from the middle of the logarithms
-- n_excluded | prices excluded before: too old, not available, or superseded by a better kind of source
-- withheld_reason | why there is no value; null where there is one
-- is_flagged | true where a price behind the value is over 30 hours old at the end of the day
-- oldest_age_hours | age of the oldest price behind the value at the end of the day [h]
-- methodology_version | version of the rules, docs/methodology/index.md
-- revision | 1 when first published; a later one restates the value
-- day | the day, with the prices at its end [UTC date]
-- same_offers_change | how the same offers moved to the newest month from the one before; null where too few compare [1]
-- compared_provider_count | providers that compare [1]
-- change_7 | how the offers moved that stood 7 days before, too; null below three providers [1]
-- change_30 | the same over 30 days [1]
-- change_365 | the same over 365 days [1]
-- index_change_30 | change of the index over 30 days: sellers that came or went are in it [1]
select
    i.gpu_id, i.is_coarse, i.purchase_model, i.market_family, i.reference_region,
    i.usd_per_gpu_hour, i.p10_usd_per_gpu_hour,
    i.p90_usd_per_gpu_hour, i.provider_count, i.n_in, i.n_trimmed, i.n_excluded,
    i.withheld_reason, i.is_flagged, i.oldest_age_hours, i.methodology_version, i.revision,
    i.day,
    max(s.like_for_like_change_fraction) as same_offers_change,
    max(s.link_provider_count) as compared_provider_count,
    max(c.change_fraction) filter (c.horizon_days = 7) as change_7,
    max(c.change_fraction) filter (c.horizon_days = 30) as change_30,
    max(c.change_fraction) filter (c.horizon_days = 365) as change_365,
    max(c.index_change_fraction) filter (c.horizon_days = 30) as index_change_30
from marts.gpu_price_index as i
left join marts.gpu_price_change as c
    on i.gpu_id = c.gpu_id and i.purchase_model = c.purchase_model
    and i.market_family = c.market_family and i.reference_region = c.reference_region
    and i.commitment_months is not distinct from c.commitment_months
left join marts.like_for_like_change as s
    on i.gpu_id = s.gpu_id and i.purchase_model = s.purchase_model
    and i.market_family = s.market_family and s.commitment_months is null
    and s.reference_region = i.reference_region and s.evidence = 'published' and s.horizon_months = 1
    and s.month >= cast(date_trunc('month', i.day) - interval 1 month as date)
where i.commitment_months is null and i.day = (select max(day) from marts.gpu_price_index)
    and (coalesce(i.reference_region, 'us') = 'us' or i.usd_per_gpu_hour is not null)
group by all
order by
    i.withheld_reason nulls first, i.provider_count desc, i.gpu_id, i.market_family, i.purchase_model,
    i.reference_region desc

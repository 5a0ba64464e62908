-- One row per accelerator, affected day, purchase model, market family and part of the world: the index as it would be now.
-- gpu_id | the accelerator
-- day | the day, with the prices at its end [UTC date]
-- purchase_model | on_demand, spot, reserved or capacity_block
-- commitment_months | length of the commitment, null where there is none [month]
-- market_family | hyperscaler, neocloud, marketplace_secure or marketplace_community
-- reference_region | us, europe or asia: where the offers are; those of a source that names no place count in the us
-- usd_per_gpu_hour | the index: median of the providers' medians; null where it is withheld [USD/(GPU h)]
-- p10_usd_per_gpu_hour | 10th percentile of the providers' medians [USD/(GPU h)]
-- p90_usd_per_gpu_hour | 90th percentile of the providers' medians [USD/(GPU h)]
-- provider_count | independent providers that count
-- n_in | providers with a valid price, before trimming
-- n_trimmed | providers trimmed: over 3.5 robust standard deviations from the middle of the logarithms
-- n_excluded | inputs barred before: too old, not available, or a better kind of source speaks
-- withheld_reason | why there is no value; null where there is one
-- is_flagged | true where a price behind the value is over 30 hours old at the end of the day
-- oldest_age_hours | age of the oldest price behind the value at the end of the day [h]
-- methodology_version | version of the rules
-- input_sha256 | hash of the inputs with a valid price
-- inputs | every input: provider, kind, sources, median, offers, age, distance, exclusion
-- view
with counted as (
    select
        gpu_id,
        day,
        purchase_model,
        commitment_months,
        market_family,
        reference_region,
        median(median_usd_per_gpu_hour) filter (exclusion is null) as middle,
        quantile_cont(median_usd_per_gpu_hour, 0.1) filter (exclusion is null) as p10,
        quantile_cont(median_usd_per_gpu_hour, 0.9) filter (exclusion is null) as p90,
        count(*) filter (exclusion is null) as provider_count,
        count(*) filter (exclusion is null or exclusion = 'trimmed') as n_in,
        count(*) filter (exclusion = 'trimmed') as n_trimmed,
        count(*) filter (exclusion <> 'trimmed') as n_excluded,
        count(distinct provider_id) filter (exclusion = 'too_old') as n_too_old,
        max(age_hours) filter (exclusion is null) as oldest_age_hours,
        sha256(coalesce(string_agg(
            concat_ws(
                '|', provider_id, source_kind, format('{:.12g}', median_usd_per_gpu_hour),
                coalesce(exclusion, 'used')
            ),
            chr(10) order by provider_id
        ) filter (exclusion is null or exclusion = 'trimmed'), '')) as input_sha256,
        list(
            {
                'provider_id': provider_id, 'source_kind': source_kind,
                'source_ids': source_ids,
                'median_usd_per_gpu_hour': median_usd_per_gpu_hour,
                'offer_count': offer_count, 'age_hours': age_hours,
                'offers_hash': offers_hash, 'log_distance': log_distance,
                'exclusion': exclusion
            }
            order by provider_id, source_kind, exclusion
        ) as inputs
    from staged.index_contributor
    group by gpu_id, day, purchase_model, commitment_months, market_family, reference_region
)
select
    gpu_id,
    day,
    purchase_model,
    commitment_months,
    market_family,
    reference_region,
    case when provider_count >= 3 then middle end as usd_per_gpu_hour,
    case when provider_count >= 3 then p10 end as p10_usd_per_gpu_hour,
    case when provider_count >= 3 then p90 end as p90_usd_per_gpu_hour,
    provider_count,
    n_in,
    n_trimmed,
    n_excluded,
    case
        when provider_count >= 3 then null
        when n_in = 0 and n_too_old > 0 then 'every price is too old'
        when n_in = 0 then 'nothing can be had'
        else
            format('{} of 3 independent providers', provider_count)
            || case when n_trimmed > 0 then format(', {} trimmed', n_trimmed) else '' end
            || case when n_too_old > 0 then format(', {} too old', n_too_old) else '' end
    end as withheld_reason,
    coalesce(oldest_age_hours > 30, false) as is_flagged,
    oldest_age_hours,
    '1.1' as methodology_version,
    input_sha256,
    inputs
from counted

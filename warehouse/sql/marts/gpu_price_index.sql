-- One row per accelerator, day, purchase model, market family and part of the world: the index in its newest revision.
-- gpu_id | the accelerator
-- is_coarse | true where the name does not say form factor or memory: an index of its own, not comparable
-- day | the day, with the prices at its end [UTC date]
-- purchase_model | on_demand, spot, reserved or capacity_block
-- commitment_months | length of the commitment, null where there is none [month]
-- market_family | hyperscaler, neocloud, marketplace_secure or marketplace_community; never mixed
-- reference_region | us, europe or asia: where the offers are; null under methodology 1.0, which read all places together
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
-- methodology_version | version of the rules, docs/methodology/index.md
-- input_sha256 | hash of the inputs with a valid price
-- revision | 1 when first published; a later one restates the value
-- revision_reason | which inputs moved since the revision before; null for the first
-- recorded_at | when this revision was made, the clock of its run [UTC]
-- run_id | the run that made it
-- view
-- grows by: day
-- check: each row is there once: select gpu_id from {this} group by gpu_id, day, purchase_model, commitment_months, market_family, reference_region having count(*) > 1
select
    r.gpu_id,
    coalesce(g.is_coarse, false) as is_coarse,
    r.day,
    r.purchase_model,
    r.commitment_months,
    r.market_family,
    r.reference_region,
    r.usd_per_gpu_hour,
    r.p10_usd_per_gpu_hour,
    r.p90_usd_per_gpu_hour,
    r.provider_count,
    r.n_in,
    r.n_trimmed,
    r.n_excluded,
    r.withheld_reason,
    r.is_flagged,
    r.oldest_age_hours,
    r.methodology_version,
    r.input_sha256,
    r.revision,
    r.revision_reason,
    r.recorded_at,
    r.run_id
from marts.gpu_price_index_revision as r
left join core.gpu as g on r.gpu_id = g.gpu_id
-- A day is told by one set of rules: the newest.
qualify
    r.methodology_version = max(r.methodology_version) over (partition by r.day)
    and row_number() over (
        partition by
            r.gpu_id, r.day, r.purchase_model, r.commitment_months, r.market_family,
            r.reference_region, r.methodology_version
        order by r.recorded_at desc, r.revision desc
    ) = 1

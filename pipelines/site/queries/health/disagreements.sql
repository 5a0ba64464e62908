-- One row per price on which two sources disagree, largest ratio first.
-- provider_id | the provider
-- gpu_id | the accelerator
-- purchase_model | on_demand, spot, reserved or capacity_block
-- commitment_months | length of the commitment, null where there is none [month]
-- area | canonical area of the region
-- source_id | the best source: first party before marketplace before feed, then the newest
-- usd_per_gpu_hour | its middle price [USD/(GPU h)]
-- worst_source_id | the witness furthest from it, null where none disagrees
-- worst_usd_per_gpu_hour | its middle price [USD/(GPU h)]
-- worst_ratio | its middle price over that of the best source
-- likely_cause | stale, purchase_model, form_factor, per_node, currency, host_gpu_split or unknown; null where none disagrees
-- witness_count | other sources that speak of the same thing
-- agreeing_count | witnesses whose range meets that of the best source within 5 %
select
    provider_id, gpu_id, purchase_model, commitment_months, area, source_id,
    usd_per_gpu_hour, worst_source_id, worst_usd_per_gpu_hour, worst_ratio, likely_cause,
    witness_count, agreeing_count
from marts.reconciliation
where verdict = 'disagree'
order by abs(ln(worst_ratio)) desc, provider_id, gpu_id

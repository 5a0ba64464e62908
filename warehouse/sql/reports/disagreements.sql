-- One row per price that several sources tell, those on which they disagree most first.
-- provider_id | the provider
-- gpu_id | the accelerator
-- purchase_model | on_demand, spot or reserved
-- area | part of the world
-- source_id | where the price that counts was read
-- usd_per_gpu_hour | that price [USD/(GPU h)]
-- verdict | agree or disagree
-- worst_source_id | the source that is furthest from it
-- worst_usd_per_gpu_hour | its price [USD/(GPU h)]
-- likely_cause | what explains the difference, null where nothing does
select provider_id, gpu_id, purchase_model, area, source_id, usd_per_gpu_hour, verdict,
    worst_source_id, worst_usd_per_gpu_hour, likely_cause
from marts.reconciliation
where verdict <> 'single_source'
order by verdict desc, abs(ln(coalesce(worst_ratio, 1))) desc, provider_id, gpu_id

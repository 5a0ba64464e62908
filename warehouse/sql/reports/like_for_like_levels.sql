-- One row per cell, evidence and month of the matched index, in its newest revision.
-- gpu_id | the accelerator; null for a class
-- gpu_class | the class; null for an accelerator
-- purchase_model | on_demand, spot, reserved or capacity_block
-- commitment_months | length of the commitment, null where there is none [month]
-- market_family | hyperscaler, neocloud or marketplace
-- reference_region | us, europe or asia
-- provider_minimum | fewest providers on each link [1]
-- month | first day of the month [UTC date]
-- segment_started_on | first month of the segment [UTC date]
-- log_level | logarithm of the index; null where the month lost its value [1]
-- gap_months | months that the link spans [month]
-- revision | the newest [1]
select
    gpu_id, gpu_class, purchase_model, commitment_months, market_family, reference_region,
    provider_minimum, month, segment_started_on, log_level, gap_months, revision
from marts.like_for_like_revision
qualify row_number() over (
    partition by
        gpu_id, gpu_class, purchase_model, commitment_months, market_family, reference_region,
        provider_minimum, month
    order by recorded_at desc, revision desc
) = 1

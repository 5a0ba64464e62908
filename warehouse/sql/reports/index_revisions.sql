-- One row per published revision of an index value of a day.
-- gpu_id | the accelerator
-- purchase_model | on_demand, spot, reserved or capacity_block
-- commitment_months | length of the commitment, null without one [month]
-- market_family | whose prices the index holds
-- reference_region | us, europe or asia; null under earlier rules, which read all places together
-- revision | number of the revision, from 1
-- recorded_at | when it was made [UTC]
-- usd_per_gpu_hour | the value, null where it is withheld [USD/(GPU h)]
-- provider_count | providers that count
-- n_trimmed | providers left out as too far from the others
-- input_sha256 | hash of the inputs
-- inputs | the price of each provider
-- parameter: day | the day
select gpu_id, purchase_model, commitment_months, market_family, reference_region, revision, recorded_at,
    usd_per_gpu_hour, provider_count, n_trimmed, input_sha256, inputs
from marts.gpu_price_index_revision
where day = $day
order by all

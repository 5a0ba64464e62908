-- One row per published index value that was restated between two days.
-- gpu_id | the accelerator
-- day | the day of the value
-- purchase_model | on_demand, spot, reserved or capacity_block
-- commitment_months | length of the commitment, null without one [month]
-- market_family | whose prices the index holds
-- revision | number of the revision, from 2
-- usd_per_gpu_hour | the restated value, null where it is now withheld [USD/(GPU h)]
-- revision_reason | why it was restated
-- parameter: since | the earlier day, with the prices at its end
-- parameter: until | the later day, with the prices at its end
select gpu_id, day, purchase_model, commitment_months, market_family, revision,
    usd_per_gpu_hour, revision_reason
from marts.gpu_price_index_revision
where revision > 1 and recorded_at >= $since::date + interval 1 day
    and recorded_at < $until::date + interval 1 day
order by all

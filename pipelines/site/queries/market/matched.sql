-- One row per GPU and month of the last 25: how the same offers of the neoclouds in the US moved, in the newest stretch that compares.
-- parameter: gpu_ids | the accelerators
-- gpu_id | the accelerator
-- month | first day of the month [UTC date]
-- index | the index, 100 at the start of the stretch [1]
select gpu_id, month, index_segment_start_100 as "index"
from marts.like_for_like_index
where
    gpu_id in $gpu_ids and purchase_model = 'on_demand' and commitment_months is null
    and market_family = 'neocloud' and reference_region = 'us' and evidence = 'published'
qualify
    segment_started_on = max(segment_started_on) over (partition by gpu_id)
    and month > max(month) over () - interval 25 month
order by gpu_id, month

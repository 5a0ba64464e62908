-- One row per market and month of a GPU: how the price of the same offers on demand moved in the US.
-- parameter: gpu_id | the accelerator
-- gpu_id | the accelerator
-- market_family | hyperscaler, neocloud or marketplace
-- month | first day of the month [UTC date]
-- segment_started_on | only months of one segment compare; a new one begins where nothing does [UTC date]
-- evidence | published: three providers or more on every link; thin: two
-- index | the index, 100 at the start of the segment [1]
-- low | low end of its 80 % interval [1]
-- high | high end of it [1]
-- month_change_fraction | change since the month before in the segment; null at its start [1]
-- link_provider_count | providers that compare with the month before [1]
-- item_count | offers that do [1]
select
    gpu_id, market_family, month, segment_started_on, evidence, index_segment_start_100 as "index",
    low_80 as low, high_80 as high, month_change_fraction, link_provider_count, item_count
from marts.like_for_like_index
where gpu_id = $gpu_id and purchase_model = 'on_demand' and reference_region = 'us'
    and commitment_months is null
order by gpu_id, market_family, segment_started_on, month

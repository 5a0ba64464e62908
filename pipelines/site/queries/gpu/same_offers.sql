-- One row per GPU, market family and horizon: how the prices of the same offers moved, on demand in the US.
-- parameter: gpu_id | the accelerator
-- gpu_id | the accelerator
-- market_family | hyperscaler, neocloud or marketplace
-- horizon_months | 1, 3 or 12 months; null for since the first month that compares [month]
-- month | the newest month [UTC date]
-- then_month | the month that it is compared with [UTC date]
-- evidence | published: three providers or more on every link; thin: two
-- like_for_like_change_fraction | change of the same offers [1]
-- is_sure | true where the 80 % interval of the change leaves out none; null where it is not known
-- drift_fraction | distance from a second estimate: over 0.05 say "about" [1]
-- link_provider_count | fewest providers that compare in between [1]
-- movers | the providers whose offers moved it, largest first
-- median_usd_per_gpu_hour | median of the providers of the newest month [USD/(GPU h)]
-- median_provider_count | providers behind it [1]
-- then_median_usd_per_gpu_hour | the same in then_month [USD/(GPU h)]
-- then_median_provider_count | providers behind it [1]
-- median_change_fraction | change of that median: sellers that came or went move it too [1]
-- mix_change_fraction | what is left: other sellers and other offers [1]
select
    gpu_id, market_family, horizon_months, month, then_month, evidence,
    like_for_like_change_fraction, is_sure, drift_fraction, link_provider_count, movers,
    median_usd_per_gpu_hour, median_provider_count, then_median_usd_per_gpu_hour,
    then_median_provider_count, median_change_fraction, mix_change_fraction
from marts.like_for_like_change
where gpu_id = $gpu_id and purchase_model = 'on_demand'
    and reference_region = 'us'
order by
    gpu_id, evidence, link_provider_count desc, market_family, horizon_months nulls last

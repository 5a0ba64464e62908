-- One row per market family in which an accelerator is on demand: its price in a part of the world.
-- market_family | hyperscaler, neocloud or marketplace
-- middle_usd_per_gpu_hour | middle of the market [USD/(GPU h)]
-- ask_low_usd_per_gpu_hour | lower end of the 80 % interval of what the next seller asks [USD/(GPU h)]
-- ask_high_usd_per_gpu_hour | upper end of it [USD/(GPU h)]
-- provider_count | providers behind it [1]
-- oldest_seen_at | when the oldest of the prices was last shown [UTC]
-- parameter: gpu_id | the accelerator
-- parameter: reference_region | us, europe or asia
select
    market_family, middle_usd_per_gpu_hour, ask_low_usd_per_gpu_hour, ask_high_usd_per_gpu_hour,
    provider_count, oldest_seen_at
from marts.gpu_price_now
where
    gpu_id = $gpu_id and reference_region = $reference_region and purchase_model = 'on_demand'
    and market_family <> 'all'
order by market_family

-- One row per accelerator, contract and market family: its price now in one part of the world.
-- market_family | hyperscaler, neocloud or marketplace
-- gpu_id | the accelerator
-- purchase_model | on_demand, spot, reserved or capacity_block
-- commitment_months | length of the commitment, null where there is none [month]
-- middle_usd_per_gpu_hour | middle of the providers [USD/(GPU h)]
-- ask_low_usd_per_gpu_hour | lower end of the 80 % interval of what the next seller asks [USD/(GPU h)]
-- ask_high_usd_per_gpu_hour | upper end of it [USD/(GPU h)]
-- typical_low_usd_per_gpu_hour | lower end of the 80 % interval of the middle [USD/(GPU h)]
-- typical_high_usd_per_gpu_hour | upper end of it [USD/(GPU h)]
-- provider_count | providers with a fresh price [1]
-- seen_on | day on which the oldest of the prices was last shown [UTC date]
-- parameter: reference_region | us, europe or asia
select
    market_family, gpu_id, purchase_model, commitment_months, middle_usd_per_gpu_hour,
    ask_low_usd_per_gpu_hour, ask_high_usd_per_gpu_hour, typical_low_usd_per_gpu_hour,
    typical_high_usd_per_gpu_hour, provider_count, cast(oldest_seen_at as date) as seen_on
from marts.gpu_price_now
where reference_region = $reference_region and market_family <> 'all'

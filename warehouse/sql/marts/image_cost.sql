-- One row per image model, accelerator, contract, market family and part of the world: what images cost now.
-- image_model_id | the model
-- gpu_id | the accelerator
-- purchase_model | on_demand, spot, reserved or capacity_block
-- commitment_months | length of the commitment, null where there is none [month]
-- market_family | whose prices: hyperscaler, neocloud, marketplace, or all of them together
-- reference_region | us, europe or asia
-- is_default_basis | true for the family and part of the world that a cost rests on unless something else is asked for
-- day | the day of the prices [UTC date]
-- usd_per_gpu_hour | middle of the providers' prices [USD/(GPU h)]
-- usd_per_gpu_hour_low | lower end of 80 % of what the next seller asks [USD/(GPU h)]
-- usd_per_gpu_hour_high | upper end of it [USD/(GPU h)]
-- provider_count | providers with a fresh price [1]
-- oldest_seen_at | when the oldest of the prices was last shown [UTC]
-- evidence | market: three providers or more; thin: fewer, for no ranking
-- images_per_second_per_gpu | throughput with full batches [1/(s GPU)]
-- usd_per_1k_images | a thousand images, the GPU always busy [USD/10^3 image]
-- low | lower bound: the same at the low price and the highest measured share of the peak [USD/10^3 image]
-- high | upper bound: the same at the high price and the lowest measured share [USD/10^3 image]
-- method | measured, or peak share
-- view
-- check: each row is there once: select image_model_id, gpu_id, purchase_model, commitment_months, market_family, reference_region from {this} group by all having count(*) > 1
-- check: the cost lies in its interval: select * from {this} where not (0 < low and low <= usd_per_1k_images * (1 + 1e-12) and usd_per_1k_images <= high * (1 + 1e-12))
select
    s.image_model_id,
    s.gpu_id,
    p.purchase_model,
    p.commitment_months,
    p.market_family,
    p.reference_region,
    p.is_default_basis,
    p.day,
    p.middle_usd_per_gpu_hour as usd_per_gpu_hour,
    p.ask_low_usd_per_gpu_hour as usd_per_gpu_hour_low,
    p.ask_high_usd_per_gpu_hour as usd_per_gpu_hour_high,
    p.provider_count,
    p.oldest_seen_at,
    p.evidence,
    s.images_per_second_per_gpu,
    usd_per_1k_images(p.middle_usd_per_gpu_hour, s.images_per_second_per_gpu) as usd_per_1k_images,
    usd_per_1k_images(p.ask_low_usd_per_gpu_hour, s.high_images_per_second) as low,
    usd_per_1k_images(p.ask_high_usd_per_gpu_hour, s.low_images_per_second) as high,
    s.method
from marts.image_point as s
inner join marts.gpu_price_now as p on s.gpu_id = p.gpu_id

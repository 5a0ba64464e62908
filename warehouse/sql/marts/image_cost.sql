-- One row per image model, accelerator, purchase model, commitment, market family and day.
-- image_model_id | the model
-- gpu_id | the accelerator
-- purchase_model | on_demand, spot, reserved or capacity_block
-- commitment_months | length of the commitment, null where there is none [month]
-- market_family | hyperscaler, neocloud, marketplace, or all
-- day | the day, prices as they stood at its end [UTC date]
-- usd_per_gpu_hour | median price [USD/(GPU h)]
-- images_per_second_per_gpu | throughput with full batches [1/(s GPU)]
-- usd_per_1k_images | a thousand images, the GPU always busy [USD/10^3 image]
-- low | the same at the 10th percentile of prices and the highest measured share of the peak [USD/10^3 image]
-- high | the same at the 90th percentile of prices and the lowest measured share [USD/10^3 image]
-- method | measured, or peak share
-- view
-- grows by: day
-- check: select image_model_id, gpu_id, purchase_model, commitment_months, market_family, day from {this} group by all having count(*) > 1
-- check: select * from {this} where not (0 < low and low <= usd_per_1k_images * (1 + 1e-12) and usd_per_1k_images <= high * (1 + 1e-12))
select
    s.image_model_id,
    s.gpu_id,
    p.purchase_model,
    p.commitment_months,
    p.market_family,
    p.day,
    p.median_usd_per_gpu_hour as usd_per_gpu_hour,
    s.images_per_second_per_gpu,
    p.median_usd_per_gpu_hour / (s.images_per_second_per_gpu * 3600) * 1000 as usd_per_1k_images,
    p.p10_usd_per_gpu_hour / (s.high_images_per_second * 3600) * 1000 as low,
    p.p90_usd_per_gpu_hour / (s.low_images_per_second * 3600) * 1000 as high,
    s.method
from marts.image_point as s
inner join marts.gpu_price_daily as p on s.gpu_id = p.gpu_id

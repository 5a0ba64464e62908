-- One row per GPU and day on which its median on demand changed level because prices moved; the newest 50.
-- gpu_id | the accelerator
-- day | the first day at the new level [UTC date]
-- before_usd_per_gpu_hour | median on the day before it [USD/(GPU h)]
-- usd_per_gpu_hour | median on the day [USD/(GPU h)]
-- change_fraction | change of the median between the two days [1]
-- same_offers_change_fraction | how much the offers moved that stood on both days [1]
-- compared_provider_count | providers with such an offer [1]
-- movers | up to five moves, the most decisive first
select
    gpu_id, day, before_usd_per_gpu_hour, usd_per_gpu_hour, change_fraction,
    same_offers_change_fraction, compared_provider_count, movers
from marts.gpu_price_change_point
where
    market_family = 'all' and commitment_months is null and purchase_model = 'on_demand'
    and is_price_move and method_break is null
order by day desc, gpu_id
limit 50

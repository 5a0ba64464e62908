-- One row per day with a price, newest first: what a rule about an accelerator could have looked at.
-- day | the day [date]
-- value | median of the market's providers; of one provider the price that stands now [USD/(GPU h)]
-- parameter: gpu_id | the accelerator
-- parameter: purchase_model | on_demand, spot, reserved or capacity_block
-- parameter: commitment_months | length of the reservation, null without one [month]
-- parameter: market_family | hyperscaler, neocloud or marketplace
-- parameter: provider_id | one provider: since when its newest price stands
select day, median_usd_per_gpu_hour as "value"
from marts.gpu_price_daily
where
    gpu_id = $gpu_id and purchase_model = $purchase_model
    and commitment_months is not distinct from $commitment_months
    and market_family = $market_family and $provider_id is null
    and median_usd_per_gpu_hour is not null
union all
select max(cast(valid_from as date)) as day, max(usd_per_gpu_hour) as "value"
from marts.offers_latest
where
    gpu_id = $gpu_id and purchase_model = $purchase_model
    and commitment_months is not distinct from $commitment_months
    and provider_id = $provider_id and not is_stale and not is_witness
    and is_available is distinct from false
having count(*) > 0
order by day desc

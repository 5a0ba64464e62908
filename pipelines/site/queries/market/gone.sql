-- One row per GPU and purchase model with a price on an earlier day and none on the newest.
-- gpu_id | the accelerator
-- is_coarse | true for a name without variant: it covers several chips, with the fields they share
-- purchase_model | on_demand, spot, reserved or capacity_block
-- last_day | last day with a price [UTC date]
-- first_day | first day with a price [UTC date]
-- median_usd_per_gpu_hour | median of the last day [USD/(GPU h)]
-- provider_count | independent providers on the last day
select
    d.gpu_id, g.is_coarse, d.purchase_model, max(d.day) as last_day, min(d.day) as first_day,
    arg_max(d.median_usd_per_gpu_hour, d.day) as median_usd_per_gpu_hour,
    arg_max(d.provider_count, d.day) as provider_count
from marts.gpu_price_daily as d
left join core.gpu as g on d.gpu_id = g.gpu_id
where d.market_family = 'all' and d.commitment_months is null
    and d.median_usd_per_gpu_hour is not null
group by d.gpu_id, g.is_coarse, d.purchase_model
having last_day < (select max(day) from marts.gpu_price_daily)
order by last_day desc, d.gpu_id, d.purchase_model

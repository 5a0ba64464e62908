-- One row per GPU and cluster size: owning against renting.
-- gpu_id | the accelerator
-- gpu_count | GPUs of the cluster
-- day | day of the rental price [date]
-- rental_usd_per_gpu_hour | middle of the providers on demand, on the default basis [USD/(GPU h)]
-- rental_usd_per_gpu_hour_low | lower end of 80 % of what the next seller asks [USD/(GPU h)]
-- rental_usd_per_gpu_hour_high | upper end of it [USD/(GPU h)]
-- provider_count | independent providers behind the value
-- purchase_usd_per_gpu | list price with the share of a server [USD/GPU]
-- purchase_priced_on | newest list price behind it [date]
-- fleet_utilisation_fraction | share of the hours that the owner's GPUs work, central case [1]
-- owned_usd_per_gpu_hour | cost of an hour of work to the owner, central case [USD/(GPU h)]
-- low | 5th percentile of owned_usd_per_gpu_hour [USD/(GPU h)]
-- high | 95th percentile of owned_usd_per_gpu_hour [USD/(GPU h)]
-- break_even_utilisation_fraction | utilisation above which owning is cheaper, above 1 means never [1]
-- break_even_utilisation_low | 5th percentile of the break-even utilisation [1]
-- break_even_utilisation_high | 95th percentile of the break-even utilisation [1]
-- break_even_month | month in which total rent equals the purchase, null for never [month]
-- break_even_spend_usd_per_year | yearly rent above which owning the same hours is cheaper, null for never [USD/year]
-- probability_owning_is_cheaper | share of draws in which owning is cheaper [1]
-- reason | why there is no comparison
-- source_url | where the list price is published
select
    gpu_id, gpu_count, day, rental_usd_per_gpu_hour, rental_usd_per_gpu_hour_low,
    rental_usd_per_gpu_hour_high, provider_count, purchase_usd_per_gpu,
    purchase_priced_on, fleet_utilisation_fraction, owned_usd_per_gpu_hour, low, high,
    break_even_utilisation_fraction, break_even_utilisation_low, break_even_utilisation_high,
    break_even_month, break_even_spend_usd_per_year, probability_owning_is_cheaper, reason,
    source_url
from marts.own_vs_rent
where market_family is null or is_default_basis
order by reason nulls first, gpu_id, gpu_count

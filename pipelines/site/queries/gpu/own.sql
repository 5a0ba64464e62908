-- One row per size of cluster of a GPU: the cost of owning and of renting.
-- parameter: gpu_id | the accelerator
-- gpu_id | the accelerator
-- gpu_count | GPUs of the cluster
-- owned_usd_per_gpu_hour | cost of an hour of work to the owner, central case [USD/(GPU h)]
-- low | 5th percentile of it [USD/(GPU h)]
-- high | 95th percentile of it [USD/(GPU h)]
-- rental_usd_per_gpu_hour | middle of the providers on demand, on the default basis [USD/(GPU h)]
-- provider_count | independent providers behind the rent
-- fleet_utilisation_fraction | share of the hours that the owner's GPUs work, central case [1]
-- break_even_utilisation_fraction | utilisation above which owning is cheaper, above 1 means never [1]
-- purchase_usd_per_gpu | list price with the share of a server [USD/GPU]
-- purchase_priced_on | newest list price behind it [date]
-- source_url | where the list price is published
-- day | day of the rental price [date]
select
    gpu_id, gpu_count, owned_usd_per_gpu_hour, low, high, rental_usd_per_gpu_hour, provider_count,
    fleet_utilisation_fraction, break_even_utilisation_fraction, purchase_usd_per_gpu,
    purchase_priced_on, source_url, day
from marts.own_vs_rent
where gpu_id = $gpu_id and owned_usd_per_gpu_hour is not null
    and (market_family is null or is_default_basis)
order by gpu_id, gpu_count

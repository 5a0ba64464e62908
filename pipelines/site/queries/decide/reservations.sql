-- One row per GPU, provider, term, job length and resale share: a reservation against on demand.
-- gpu_id | the accelerator
-- provider_id | the provider whose prices of one machine are compared
-- market_family | hyperscaler, neocloud or marketplace
-- commitment_months | length of the reservation [month]
-- job_months | how long the capacity is needed [month]
-- resale_fraction | share of the price of unused months that subletting recovers [1]
-- multiplier | total paid over the price of the months used [1]
-- day | day on which the oldest of the prices was last shown [date]
-- on_demand_usd_per_gpu_hour | price of the machine on demand [USD/(GPU h)]
-- reserved_usd_per_gpu_hour | price for this term [USD/(GPU h)]
-- effective_usd_per_gpu_hour | reserved price times the multiplier [USD/(GPU h)]
-- break_even_months | job, or rest of a job after whole terms, above which the reservation is cheaper; null for never [month]
-- is_reserved_cheaper | whether the reservation is cheaper for this job
-- reason | why there is no comparison
select
    gpu_id, provider_id, market_family, commitment_months, job_months, resale_fraction, multiplier,
    day,
    on_demand_usd_per_gpu_hour, reserved_usd_per_gpu_hour, effective_usd_per_gpu_hour,
    break_even_months, is_reserved_cheaper, reason
from marts.reservation_multiplier
order by gpu_id nulls first, provider_id, resale_fraction, commitment_months, job_months

-- One row per provider, accelerator and term in the United States, for what a reservation costs a job.
-- gpu_id | the accelerator
-- provider_id | the provider
-- market_family | hyperscaler, neocloud or marketplace
-- commitment_months | length of the reservation [month]
-- usd_per_gpu_hour | its price [USD/(GPU h)]
-- on_demand_usd_per_gpu_hour | price of the same machine on demand, null without one [USD/(GPU h)]
-- day | when the oldest of the prices was last shown [date]
select
    gpu_id, provider_id, market_family, commitment_months, usd_per_gpu_hour,
    on_demand_usd_per_gpu_hour, cast(oldest_seen_at as date) as day
from marts.price_term_structure
where reference_region = 'us'
order by gpu_id, provider_id, market_family, commitment_months

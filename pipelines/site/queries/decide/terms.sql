-- One row per GPU, provider and term in the United States: what committing longer saves, and what it implies for later.
-- gpu_id | the accelerator
-- provider_id | the provider
-- seller | both, for a chart
-- commitment_months | length of the reservation [month]
-- usd_per_gpu_hour | its price [USD/(GPU h)]
-- usd_per_gpu_month | the same for a month of 730.5 hours [USD/(GPU month)]
-- discount_fraction | what it saves against the same machine on demand [1]
-- forward_from_months | where the forward price begins [month]
-- forward_usd_per_gpu_hour | what both terms imply for the months from there to the end of this one [USD/(GPU h)]
-- region | the region that was read
-- provider_count | providers of the family with this term
-- day | day on which the oldest of the prices was last shown [date]
-- reason | why there is no figure of the market
-- source | where the reservation was read
select
    gpu_id, provider_id, gpu_id || ', ' || provider_id as seller, commitment_months,
    usd_per_gpu_hour, usd_per_gpu_month, discount_fraction, forward_from_months,
    forward_usd_per_gpu_hour, region, provider_count,
    cast(oldest_seen_at as date) as day, reason, source_url as source
from marts.price_term_structure
where reference_region = 'us'
order by gpu_id, provider_id, commitment_months

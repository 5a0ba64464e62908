-- One row per provider and term of an accelerator: what it costs to commit, and what the terms imply for later.
-- provider_id | the provider
-- commitment_months | length of the reservation [month]
-- usd_per_gpu_hour | price of the reservation [USD/(GPU h)]
-- usd_per_gpu_month | the same for a month of 730.5 hours [USD/(GPU month)]
-- on_demand_usd_per_gpu_hour | the same machines on demand in the same region [USD/(GPU h)]
-- discount_fraction | what the reservation saves against it [1]
-- forward_from_months | where the forward price begins: the end of the next shorter term [month]
-- forward_usd_per_gpu_hour | what both terms imply for the months from there to the end of this term [USD/(GPU h)]
-- region | the region that was read
-- provider_count | providers of the family with this term there
-- market_discount_fraction | geometric mean of their discounts; null with fewer than three [1]
-- market_forward_usd_per_gpu_hour | geometric mean of their forward prices; null with fewer than three [USD/(GPU h)]
-- reason | why there is no figure of the market, or no discount
-- source_url | where the reservation was read
-- parameter: gpu_id | the accelerator
-- parameter: reference_region | us, europe or asia
select
    provider_id, commitment_months, usd_per_gpu_hour, usd_per_gpu_month,
    on_demand_usd_per_gpu_hour, discount_fraction, forward_from_months, forward_usd_per_gpu_hour,
    region, provider_count, market_discount_fraction, market_forward_usd_per_gpu_hour, reason,
    source_url
from marts.price_term_structure
where gpu_id = $gpu_id and reference_region = $reference_region
order by provider_id, commitment_months

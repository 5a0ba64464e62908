-- One row per GPU: its cheapest offer on demand that is fresh and not sold out.
-- gpu_id | the accelerator
-- usd_per_gpu_hour | list price of one GPU for one hour [USD/(GPU h)]
-- provider_id | the provider that rents it out
-- gpu_count | GPUs of the instance [GPU]
-- region | the provider's own region id; any, where it does not matter
-- market_family | hyperscaler, neocloud or marketplace
-- age_hours | age of the offer (marts.offers_latest) [h]
-- offers | such offers of the GPU
-- parameter: gpu_ids | the GPUs to list
select gpu_id, usd_per_gpu_hour, provider_id, gpu_count,
    coalesce(region, 'any') as region, market_family,
    round(age_hours, 1) as age_hours,
    count(*) over (partition by gpu_id) as offers
from marts.offers_latest
where purchase_model = 'on_demand' and list_contains($gpu_ids, gpu_id) and not is_witness
    and not is_stale and is_available is distinct from false
qualify row_number() over (
    partition by gpu_id order by usd_per_gpu_hour, provider_id, region, offer_key
) = 1
order by usd_per_gpu_hour desc

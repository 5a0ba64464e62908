-- One row per provider and SKU of its offers that always means the same GPUs.
-- provider_id | the provider
-- sku | the SKU or instance type, in small letters
-- gpu_id | the accelerator
-- gpu_count | GPUs of the instance [GPU]
-- depends on: core.offer_price
select provider_id, lower(sku) as sku, min(gpu_id) as gpu_id, min(gpu_count) as gpu_count
from core.offer_price
where gpu_id is not null and sku is not null
group by provider_id, lower(sku)
having count(distinct gpu_id) = 1 and count(distinct gpu_count) = 1

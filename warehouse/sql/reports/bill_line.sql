-- One row per provider and wording of the lines of a bill: what tells the accelerator.
-- provider_id | the provider
-- service | the service, as billed
-- instance_type | the instance type
-- gpu_printed | the GPU, as billed
-- gpu_count | GPUs of the instance, as billed [GPU]
-- sku | the SKU, or what stands for it
-- meter | texts that describe the charge
select distinct
    p.provider_id, i.service, i.instance_type, i.gpu_printed, i.gpu_count, i.sku, i.meter
from bill_item as i
inner join bill_provider as p using (provider_printed)

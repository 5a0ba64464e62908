-- One row per provider and wording of the lines of a bill that name an accelerator.
-- provider_id | the provider
-- service | the service, as billed
-- instance_type | the instance type
-- gpu_printed | the GPU, as billed
-- gpu_count_printed | GPUs of the instance, as billed [GPU]
-- sku | the SKU, or what stands for it
-- meter | texts that describe the charge
-- gpu_id | the accelerator
-- gpu_count | GPUs of one instance, null where it is not told [GPU]
-- role | what the quantity counts: machine, gpu, part of a machine, or a charge beside it
-- parameter: lines | the lines and their accelerators, as JSON
with line as (
    select unnest($lines::json::json []) as said
)
select
    said ->> 'provider_id' as provider_id,
    said ->> 'service' as service,
    said ->> 'instance_type' as instance_type,
    said ->> 'gpu_printed' as gpu_printed,
    (said ->> 'gpu_count_printed')::double as gpu_count_printed,
    said ->> 'sku' as sku,
    said ->> 'meter' as meter,
    said ->> 'gpu_id' as gpu_id,
    (said ->> 'gpu_count')::double as gpu_count,
    said ->> 'role' as role
from line

-- One row per source and printed name that no GPU is known for.
-- source_id | the source
-- gpu_name_printed | the name as printed
-- offer_count | current offers under the name
-- example_sku | the source's own id of one of them
select source_id, gpu_name_printed, offer_count, example_sku
from meta.unmapped_gpu
order by offer_count desc, source_id, gpu_name_printed

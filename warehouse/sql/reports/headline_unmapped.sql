-- One row per printed name that no GPU is known for: those with most offers.
-- gpu_name_printed | the name as printed
-- source_id | the source
-- offer_count | current offers under the name
select gpu_name_printed, source_id, offer_count
from meta.unmapped_gpu
order by offer_count desc, gpu_name_printed
limit 10

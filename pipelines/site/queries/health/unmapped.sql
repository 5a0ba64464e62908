-- One row per source and printed GPU name that maps to no GPU.
-- source_id | the source
-- gpu_name_printed | the name as printed
-- memory_gigabytes | memory as printed, null where not printed [GB]
-- offer_count | offers with this name
-- example_sku | one of them
-- payload_sha256 | hash of the bytes it was read from
select source_id, gpu_name_printed, gpu_memory_bytes / 1e9 as memory_gigabytes, offer_count,
    example_sku, payload_sha256
from meta.unmapped_gpu
order by offer_count desc, source_id, gpu_name_printed

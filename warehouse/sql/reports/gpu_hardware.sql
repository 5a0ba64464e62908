-- One row per accelerator of that name, at most one.
-- memory_bytes | memory of one GPU as marketed, null where the variant is not known [byte]
-- board_power_watts | board power of one GPU [W]
-- parameter: gpu_id | the accelerator
select memory_bytes, board_power_watts
from core.gpu
where gpu_id = $gpu_id

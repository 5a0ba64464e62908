-- One row per accelerator of that name, at most one.
-- gpu_class | data_center, workstation or consumer, as the vendor sells it
-- parameter: gpu_id | the accelerator
select gpu_class
from core.gpu
where gpu_id = $gpu_id

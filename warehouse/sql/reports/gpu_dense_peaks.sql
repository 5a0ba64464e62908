-- One row per precision in which an accelerator has a dense peak.
-- precision | number format
-- flops_per_second | dense peak [FLOP/s]
-- parameter: gpu_id | the accelerator
select "precision", flops_per_second
from core.gpu_peak
where gpu_id = $gpu_id and not is_sparse

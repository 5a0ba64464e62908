-- One row per precision, dense or sparse: the peak of a GPU.
-- parameter: gpu_id | the accelerator
-- gpu_id | the accelerator
-- precision | number format
-- is_sparse | true for the 2:4 structured-sparse peak, never used for costs
-- teraflops | peak [TFLOP/s]
-- source_url | where the figure is published
-- note | remark on the figure
select
    p.gpu_id, p.precision, p.is_sparse, p.flops_per_second / 1e12 as teraflops, p.source_url, p.note
from core.gpu_peak as p
where p.gpu_id = $gpu_id
order by p.is_sparse, p.flops_per_second desc, p.precision

-- One row per spelling of an accelerator that means one accelerator alone.
-- spelling | the spelling, small letters and digits only
-- gpu_id | the accelerator
select spelling, min(gpu_id) as gpu_id
from (
    select regexp_replace(lower(printed), '[^a-z0-9]', '', 'g') as spelling, gpu_id
    from (
        select gpu_name_printed as printed, canonical as gpu_id from core.gpu_alias
        where canonical in (select gpu_id from core.gpu)
        union select gpu_id, gpu_id from core.gpu
        union select name, gpu_id from core.gpu
    )
)
group by spelling
having count(distinct gpu_id) = 1

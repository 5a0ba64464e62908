-- One row per distinct printing of a GPU in the offers that are being loaded.
-- source_id | where it was printed
-- gpu_name_printed | the name as printed
-- gpu_memory_bytes | memory of one GPU as printed [byte]
-- form_factor | form factor as printed
-- gpu_id | the accelerator, null where the name is not resolved
-- identity_method | how it was found
-- identity_reason | why gpu_id is null or coarse
with printed as (
    select distinct source_id, gpu_name_printed, gpu_memory_bytes, form_factor
    from staged.offer_observation
),
agreed as (
    select lower(gpu_name_printed) as folded, min(canonical) as canonical
    from core.gpu_alias
    group by lower(gpu_name_printed)
    having count(distinct canonical) = 1
)
select p.source_id, p.gpu_name_printed, p.gpu_memory_bytes, p.form_factor, g.gpu_id,
    case when g.gpu_id is not null then 'alias' end as identity_method,
    case when g.gpu_id is null then 'unknown name' end as identity_reason
from printed as p
left join agreed as a on lower(p.gpu_name_printed) = a.folded
left join core.gpu as g on a.canonical = g.gpu_id

-- One row per field of a GPU that is not a peak: its value with its source.
-- parameter: gpu_id | the accelerator
-- gpu_id | the accelerator
-- field | name of the field
-- value | as the source has it, in the unit
-- unit | its unit
-- source | where it was read
-- source_url | the address of that
-- retrieved_on | when it was read [date]
-- note | what else there is to say
select gpu_id, field, value, unit, source, source_url, retrieved_on, note
from (
    select *, subject as gpu_id
    from meta.reference_value
    where subject_kind = 'gpu' and not starts_with(field, 'peaks.')
)
where gpu_id = $gpu_id
order by gpu_id, field

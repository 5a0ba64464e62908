-- One row per reference figure of a GPU or a model.
-- subject | what the figure is of
-- field | which figure
-- value | the figure, as text
-- unit | its unit
-- source | its source, or assumption
-- source_url | address of the source
-- retrieved_on | when it was read
-- note | the argument for an assumption
-- parameter: subjects | ids of GPUs and models
select subject, field, value, unit, source, source_url, retrieved_on, note
from meta.reference_value
where list_contains($subjects, subject)
order by all

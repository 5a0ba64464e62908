-- One row per reference document known then.
-- Before the first recorded document its oldest state is used, because nothing older is known. That
-- holds for each table and file that a later version added; a later file of GPUs or models is news.
with known as (
    select *, greatest(
        timestamp '{known}' - interval 1 microsecond,
        min(recorded_at) over (),
        case when not contains(name, '/') then min(recorded_at) over (partition by name) end
    ) as moment
    from present.meta.reference_document
)
select * exclude (moment) replace (cast(null as timestamp) as superseded_at)
from known
where recorded_at <= moment and (superseded_at is null or superseded_at > moment)

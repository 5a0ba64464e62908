-- One row per belief of a history that was held then.
select * replace (cast(null as timestamp) as superseded_at)
from present.{history}
where recorded_at < timestamp '{known}' and valid_from < timestamp '{end}'
    and (superseded_at is null or superseded_at >= timestamp '{known}')

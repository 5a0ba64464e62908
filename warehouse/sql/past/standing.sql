-- One row per belief that was known then, and valid at the end of the past moment.
select * replace (cast(null as timestamp) as superseded_at)
from present.{history}
where recorded_at < timestamp '{known}' and valid_from < timestamp '{end}'
    and (superseded_at is null or superseded_at >= timestamp '{known}')
    and (valid_to is null or valid_to >= timestamp '{end}')

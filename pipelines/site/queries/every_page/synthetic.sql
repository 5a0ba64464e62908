-- One row per published file: the number of captures of invented data.
-- captures | captures of invented data
select count(*) as captures
from meta.capture
where lower(coalesce(record_kind, '')) in ('synthetic', 'demo')
    or source_id like 'demo%' or source_id like 'synthetic%'

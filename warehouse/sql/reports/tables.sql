-- One row per table or view that people read.
-- table_name | its name with its schema
select table_schema || '.' || table_name as table_name
from information_schema.tables
where table_schema in ('core', 'marts', 'focus', 'meta')
order by 1

-- One row per column of the public tables.
-- table_name | the table, as schema.table
-- column_name | the column
-- unit | its unit, null where it has none
-- meaning | its meaning
select table_name, column_name, unit, meaning
from meta.column
where split_part(table_name, '.', 1) in ('core', 'marts', 'focus', 'meta')
order by table_name, column_name

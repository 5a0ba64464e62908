-- One row per row of an incremental table in the days or months that nothing has moved since.
select * from present.{table}
where {period} < (
    select cast(date_trunc('{period}', min(day)) as date) from staged.affected_day
)

-- What changed in core.price_correction since the build before, at the clock of this build.
update meta.price_correction
set superseded_at = (select now_at from staged.build_clock)
where superseded_at is null and correction_id not in (
    select correction_id from (
        select * exclude (recorded_at, superseded_at, read_at)
        from meta.price_correction
        where superseded_at is null
        intersect
        from core.price_correction
    )
);
insert into meta.price_correction by name
select c.*, k.now_at as recorded_at
from core.price_correction as c
cross join staged.build_clock as k
where c.correction_id not in (
    select correction_id from meta.price_correction where superseded_at is null
)
order by c.correction_id;

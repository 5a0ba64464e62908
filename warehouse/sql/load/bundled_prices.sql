-- The clock of a build whose prices are all of the bundled snapshot: they are stated for its last
-- capture of offers, from which ages count. Against the clock of the build all of them are old.
update staged.build_clock
set prices_at = s.seen_at, is_bundled = true
from (
    select max(seen_at) as seen_at
    from core.offer_capture
) as s
where s.seen_at is not null

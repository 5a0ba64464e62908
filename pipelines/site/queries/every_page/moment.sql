-- One row per published file: the moment that its prices are stated for.
-- prices_at | from then ages count [UTC]
-- is_bundled | whether all prices are those of the bundled snapshot
select prices_at, is_bundled
from staged.build_clock

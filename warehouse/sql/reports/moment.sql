-- One row per published file: the moment that its prices are stated for, and who had spoken by then.
-- prices_at | from then ages count: the clock of the build, the last capture of the bundled snapshot where no source has answered since, or the end of a past day that was asked for [UTC]
-- is_bundled | whether all prices are those of the bundled snapshot
-- last_heard_at | the newest good answer of a source of offers by then, null without one [UTC]
-- heard_source_count | sources of offers whose newest good answer is fresh then [1]
-- source_count | sources of offers that had ever answered by then [1]
with answered as (
    select source_id, max(seen_at) as last_good_at
    from core.offer_capture
    group by source_id
),
aged as (
    select
        a.last_good_at,
        date_diff('minute', a.last_good_at, k.prices_at) <= 60 * greatest(72, 2 * s.cadence_hours)
            as is_fresh
    from answered as a
    inner join meta.source as s on a.source_id = s.source_id
    cross join staged.build_clock as k
)
select
    k.prices_at,
    k.is_bundled,
    (select max(last_good_at) from aged) as last_heard_at,
    (select count(*) from aged where is_fresh) as heard_source_count,
    (select count(*) from aged) as source_count
from staged.build_clock as k

-- One row per build: by which rules the matched index was made, and what moved since.
-- methodology_version | version of the rules of the newest revision; null without any
-- day | first day on which an offer moved since the last build that passed its checks; null without any [date]
select
    (
        select methodology_version from marts.like_for_like_revision
        order by recorded_at desc limit 1
    ) as methodology_version,
    (select min(day) from staged.affected_day where entity = 'offer') as day

-- One row per source whose newest answer has far more held rows than any of the weeks before it.
-- source_id | the source
-- asked_at | when it gave that answer [UTC]
-- held | rows and batches of it that rules hold
-- held_before | the most of any answer of the two weeks before
-- rule | the rule that holds most of them
-- parameter: growth | how many times as many [1]
-- parameter: least | how many more at least [rows]
with held as (
    select
        source_id, split_part(capture_id, '#', 1) as capture_id, count(*) as held,
        mode(rule) as rule
    from meta.quarantine
    where state = 'held'
    group by source_id, split_part(capture_id, '#', 1)
),
answers as (
    select
        s.source_id, s.asked_at, coalesce(h.held, 0) as held, h.rule,
        row_number() over (
            partition by s.source_id order by s.asked_at desc, s.capture_id desc
        ) as number,
        max(s.asked_at) over (partition by s.source_id) as newest_at
    from meta.source_status as s
    left join held as h on s.source_id = h.source_id and s.capture_id = h.capture_id
    where s.status in ('ok', 'unchanged', 'frozen', 'partial')
),
compared as (
    select
        source_id, max(case when number = 1 then asked_at end) as asked_at,
        max(case when number = 1 then held end) as held,
        max(case when number > 1 then held end) as held_before,
        max(case when number = 1 then rule end) as rule
    from answers
    where asked_at >= newest_at - interval 14 day
    group by source_id
)
select source_id, asked_at, held, held_before, rule
from compared
where held >= $growth * held_before and held >= held_before + $least
order by source_id

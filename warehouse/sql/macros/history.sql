-- A day or an instant as an instant: a date means the end of that UTC day, so that its captures count.
create or replace macro instant(moment) as
    case when length(cast(moment as varchar)) = 10
        then cast(moment as date) + interval 1 day - interval 1 microsecond
        else cast(moment as timestamp) end;

-- What was believed about offers on a day (or at an instant), as known on a day (or at an instant).
-- A source speaks for 72 hours after an answer, or for twice its cadence if that is longer; then it is silent. A version
-- that was filed later than a day after it was seen stands until its history was read.
create or replace macro as_of(valid_on, known_on := timestamp 'infinity') as table
    with heard as (
        select
            source_id, request_key,
            max(case when recorded_at > seen_at + interval 1 day then recorded_at else seen_at end)
                as spoke_at
        from core.offer_capture
        where seen_at <= instant(valid_on) and recorded_at <= instant(known_on)
        group by source_id, request_key
    ),
    speaking as (
        select h.source_id, h.request_key
        from heard as h
        inner join meta.source as s on h.source_id = s.source_id
        where date_diff('minute', h.spoke_at, instant(valid_on))
            <= 60 * greatest(72, 2 * coalesce(s.cadence_hours, 0))
    )
    select *
    from core.offer_price
    semi join speaking using (source_id, request_key)
    where valid_from <= instant(valid_on)
        and (valid_to is null or valid_to > instant(valid_on))
        and recorded_at <= instant(known_on)
        and (superseded_at is null or superseded_at > instant(known_on));

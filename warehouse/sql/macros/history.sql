-- A day or an instant as an instant: a date means the end of that UTC day, so that its captures count.
create or replace macro instant(moment) as
    case when length(cast(moment as varchar)) = 10
        then cast(moment as date) + interval 1 day - interval 1 microsecond
        else cast(moment as timestamp) end;

-- What was believed about offers on a day (or at an instant), as known on a day (or at an instant).
create or replace macro as_of(valid_on, known_on := timestamp 'infinity') as table
    select *
    from core.offer_price
    where valid_from <= instant(valid_on)
        and (valid_to is null or valid_to > instant(valid_on))
        and recorded_at <= instant(known_on)
        and (superseded_at is null or superseded_at > instant(known_on));

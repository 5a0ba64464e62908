-- What staged.affected_offer and staged.index_contributor read, as it was believed at an instant.
create schema core; create schema meta; create schema staged;
create table staged.affected_day as select 'offer' as entity, date '{day}' as day;
create view meta.source as from present.meta.source;
create view core.offer_capture as
select * from present.core.offer_capture where recorded_at <= timestamp '{known}';
create view core.offer_price as
select * replace (null::timestamp as superseded_at) from present.core.offer_price
where recorded_at <= timestamp '{known}'
    and (superseded_at is null or superseded_at > timestamp '{known}');

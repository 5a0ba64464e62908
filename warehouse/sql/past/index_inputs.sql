-- What staged.affected_offer and staged.index_contributor read, as it was believed at an instant.
create schema core; create schema meta; create schema staged;
create table staged.affected_day as select 'offer' as entity, date '{day}' as day;
create view meta.source as from present.meta.source;
create view core.region as from present.core.region;
create view core.reference_region as from present.core.reference_region;
create view meta.capture as
select * from present.meta.capture where recorded_at <= timestamp '{known}';
create view core.api_price_capture as from present.core.api_price_capture where false;
create view staged.offer_stated as from present.staged.offer_stated;
create view core.offer_capture as
select * from present.core.offer_capture where recorded_at <= timestamp '{known}';
create view core.offer_price as
select * replace (null::timestamp as superseded_at) from present.core.offer_price
where recorded_at <= timestamp '{known}'
    and (superseded_at is null or superseded_at > timestamp '{known}');

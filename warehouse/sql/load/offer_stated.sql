-- One row per offer of the good captures of one moment for which its origin states a time.
-- An offer whose row is held keeps its earlier price without a time.
select o.source_id, o.request_key, o.offer_key, n.seen_at, max(o.source_time) as source_time
from staged.normalised_offer as o
inner join good_capture as n on o.capture_id = n.capture_id
where o.source_time is not null
group by o.source_id, o.request_key, o.offer_key, n.seen_at

-- One row per part of a source that a change of method ended: the change ends its offers.
-- Such a part is never asked for again, so that no capture would end them.
select distinct
    concat_ws('#', g.source_id || '/' || b.settled_on || '/method_break',
        b.ended_request_key) as capture_id,
    g.source_id, b.ended_request_key as request_key, b.settled_on::timestamp as seen_at,
    g.recorded_at, null::integer as parser_version
from good_capture as g
inner join core.method_break as b
    on g.source_id = b.source_id and g.seen_at >= b.settled_on
    and b.ended_request_key is not null

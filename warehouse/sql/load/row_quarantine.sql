-- One row per rule and row that it holds, and that is not in meta.quarantine yet.
with held as (
    select
        -- Nothing of when or by which parser it was read: read again, it is the same entry.
        md5(concat_ws('|', o.source_id, o.request_key, o.payload_sha256, h.rule,
            o.offer_key, o.seen_at, row_number() over (
                partition by o.capture_id, h.rule, o.offer_key
                order by o.price_amount, o.rowid
            ))) as held_id,
        'row' as scope, o.source_id, o.request_key, o.capture_id,
        o.seen_at, o.payload_sha256, o.parser_version, h.rule, h.reason,
        to_json(o) as row_json, 'held' as state, k.run_id
    from staged.normalised_offer as o
    inner join held_row as h on o.rowid = h.row_id
    cross join staged.build_clock as k
)
from held
where held_id not in (select held_id from meta.quarantine)

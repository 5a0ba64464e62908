-- One row per token price that stood before, where the row of its model is held.
select o.capture_id, o.source_id, o.request_key, o.seen_at, o.recorded_at,
    b.* exclude (
        capture_id, source_id, request_key, valid_from, valid_to, recorded_at, superseded_at
    )
from api_price_observation as o
inner join api_price_held_row as h on o.rowid = h.row_id
inner join api_price_standing as b
    on
        o.capture_id = b.capture_id and (
            o.api_price_key = b.api_price_key
            -- A model that cost something is not gone because it is printed at zero.
            or (
                h.rule = 'price_zero' and o.variant = 'free' and b.variant is null
                and o.api_provider_id = b.api_provider_id and o.api_model_id = b.api_model_id
            )
        )
where h.rule <> 'duplicate_row'
    and not exists (
        from api_price_observation as n
        where n.capture_id = b.capture_id and n.api_price_key = b.api_price_key
            and n.rowid not in (select row_id from api_price_held_row)
    )
qualify row_number() over (partition by b.capture_id, b.api_price_key order by o.rowid) = 1

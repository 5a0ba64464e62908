-- One row per source: its last attempt.
-- source_id | the source
-- status | of the last attempt: ok, unchanged, frozen (its bytes or its stated time stand still), partial, empty, quarantined, failed, skipped or never_asked
-- seen_at | the last good answer [UTC]
-- age_hours | age of the last good answer at the build [h]
-- content_age_hours | age at the build of the bytes that it gave: since when they are the same [h]
-- rows_read | rows of the answers, before any decision; null where they were not counted
-- rows_kept | rows that gave an offer, a token price, a point or a table row
-- rows_held | rows that gave none, by a rule; meta.row_outcome counts them by rule
-- rows_out_of_scope | rows that are no price of an accelerator, by reason in meta.row_outcome
-- offers_kept | offers, token prices, points or table rows that were kept
-- offers_held | of them, those that a rule held
-- offers_duplicate | of them, those that stood there twice
-- bytes | size of the last attempt's payloads [byte]
-- error_class | kind of the error, null without one
-- error | the error, null without one
select source_id, status, seen_at, round(age_hours, 1) as age_hours,
    round(content_age_hours, 1) as content_age_hours, rows_read, rows_kept,
    rows_held, rows_out_of_scope, offers_kept, offers_held, offers_duplicate, bytes, error_class,
    error
from meta.source_status
qualify row_number() over (partition by source_id order by asked_at desc) = 1
order by source_id

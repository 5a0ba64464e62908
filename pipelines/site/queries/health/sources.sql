-- One row per source: the outcome of its newest attempt.
-- source_id | the source
-- title | name of the source
-- status | ok, unchanged, frozen (its bytes or its stated time stand still), partial, empty, quarantined, failed, skipped or never_asked
-- seen_at | time of its last good answer [UTC]
-- age_hours | age of that answer at the build [h]
-- content_age_hours | since when its bytes are the same, at the build [h]
-- rows_read | rows of the answer, null where they were not counted
-- rows_out_of_scope | rows of it that are no price of an accelerator
-- offers_kept | offers or other records kept
-- offers_held | offers or other records held by a rule
-- offers_duplicate | offers or other records dropped as duplicates
-- bytes | size of the answer [byte]
-- payload_sha256 | hash of the bytes it was read from
-- error | what went wrong, null where nothing did
-- verified_with | on what its reading was compared with what people read: a whole real answer, an excerpt of one, or a description only
-- verified_on | the day of the newest such answer
-- is_enabled | whether it is asked by default
-- homepage_url | its home page
-- licence | its licence
-- credit | how it wants to be credited
select
    s.source_id, t.title, s.status, s.seen_at, s.age_hours, s.content_age_hours, s.rows_read,
    s.rows_out_of_scope, s.offers_kept, s.offers_held, s.offers_duplicate, s.bytes, s.payload_sha256, s.error,
    t.verified_with, t.verified_on, t.is_enabled, t.homepage_url, t.licence, t.credit
from meta.source_status as s
left join meta.source as t on s.source_id = t.source_id
qualify row_number() over (partition by s.source_id order by s.asked_at desc, s.capture_id) = 1
order by s.status in ('ok', 'unchanged'), s.status in ('skipped', 'never_asked'), s.source_id

-- One row per published file: the newest answer that an offer rests on.
-- seen_at | the newest good answer of a source with an offer, null without offers [UTC]
select max(asked_at) as seen_at from marts.offers_latest

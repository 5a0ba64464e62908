-- One row per source that is on.
-- source_id | the source
-- title | name of the source
-- source_kind | api, page, marketplace or feed, best first
-- licence | its licence
-- credit | how it wants to be credited
-- homepage_url | its home page
-- terms_url | its terms of use
select source_id, title, source_kind, licence, credit, homepage_url, terms_url
from meta.source
where is_enabled
order by source_id

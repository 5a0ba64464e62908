-- One row per published file: the first capture it knows.
-- seen_at | when a source was first seen, null without captures [UTC]
-- recorded_at | when that was first known, null without captures [UTC]
select min(seen_at) as seen_at, min(recorded_at) as recorded_at
from core.offer_capture

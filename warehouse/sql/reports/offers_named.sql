-- One row per provider and area that has an offer standing.
-- provider_id | the provider that rents it out
-- area | canonical area of the region, null where the region is not known
select distinct provider_id, area
from marts.offers_latest

-- One row per provider with an offer that is fresh and not sold out.
-- provider_id | the provider
select distinct provider_id
from marts.offers_latest
where
    not is_stale and not is_witness and is_available is distinct from false
    and gpu_id is not null
order by provider_id

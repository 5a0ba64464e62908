-- One row per API provider of the newest price lists.
-- provider_id | the API provider
select distinct api_provider_id as provider_id
from marts.api_price
where day = (select max(day) from marts.api_price)
order by provider_id

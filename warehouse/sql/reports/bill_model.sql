-- One row per API provider and model of a price list.
-- api_provider_id | who serves the model
-- api_model_id | the model as printed
-- depends on: core.api_price
select distinct api_provider_id, api_model_id
from core.api_price

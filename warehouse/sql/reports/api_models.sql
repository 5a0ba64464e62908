-- One row per name of a model in the newest price lists, without the host and the version behind an @.
-- api_model | the last part of the name, in small letters
-- model_id | the reference model, null where it is none
-- provider_count | providers that list it [1]
select
    lower(regexp_extract(api_model_id, '([^/@]+)(@[^/]*)?$', 1)) as api_model,
    min(model_id) as model_id,
    count(distinct api_provider_id) as provider_count
from marts.api_price
where modality is null and day = (select max(day) from marts.api_price)
group by all
order by api_model

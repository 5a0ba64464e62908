-- One row per provider, wording and unit of the lines of a bill that may count tokens.
-- api_provider_id | who serves the model, as price lists call it
-- service | the service, as billed
-- meter | texts that describe the charge
-- unit | unit of the quantity, in small letters
select distinct
    case p.provider_id when 'gcp' then 'google' else coalesce(p.provider_id, lower(i.provider_printed)) end
        as api_provider_id,
    i.service, i.meter, i.unit
from bill_item as i
left join bill_provider as p using (provider_printed)
where i.meter is not null
    and regexp_matches(i.meter, 'token|prediction|in?p|outp|prompt|completion', 'i')

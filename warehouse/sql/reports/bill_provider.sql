-- One row per provider as a bill prints it that is known without doubt.
-- provider_printed | the provider, as billed
-- provider_id | the provider
with spelled as (
    select provider_id as spelling, provider_id from core.provider
    union select name, provider_id from core.provider
    union select provider_printed, provider_id from core.provider_alias
    union select distinct provider_id, provider_id from core.offer_price
)
select i.provider_printed, min(s.provider_id) as provider_id
from (select distinct provider_printed from bill_item) as i
inner join spelled as s
    -- Invoices carry the form of the company: Amazon Web Services, Inc.
    on regexp_replace(
        regexp_replace(
            lower(i.provider_printed),
            '(,? (inc|llc|ltd|limited|corp|corporation|gmbh|sarl|sas|emea)\.?)+$', ''
        ),
        '[^a-z0-9]', '', 'g'
    )
        = regexp_replace(lower(s.spelling), '[^a-z0-9]', '', 'g')
group by i.provider_printed
having count(distinct s.provider_id) = 1

-- One row per line of Azure's cost details, as text in the words of FOCUS.
-- provider | the provider, as billed
-- service | the service, as billed
-- region | the region, as billed
-- charged_at | start of the charge period
-- pricing_category | Standard, Dynamic, Committed or Other
-- term | length of the commitment
-- category | Usage, Purchase, Credit, Adjustment or Tax
-- class | Correction, null otherwise
-- status | Unused for capacity that was paid and not used, Covered where a fee beside pays, else null
-- cost | what the charge costs, commitments spread over their use
-- currency | currency of the cost
-- quantity | how much was used
-- unit | unit of the quantity
-- instance_type | the instance type
-- gpu | the GPU
-- gpu_count | GPUs of the instance
-- sku | the SKU, or what stands for it
-- meter | texts that describe the charge
with line as (
    select
        *,
        regexp_replace(lower(chargetype), '[^a-z]', '', 'g') as charge_type,
        regexp_replace(lower(pricingmodel), '[^a-z]', '', 'g') as pricing_model,
        -- Old exports leave out the braces around the pairs.
        coalesce(
            try_cast(additionalinfo as json), try_cast('{' || additionalinfo || '}' as json)
        ) as more,
        coalesce(date, usagedatetime, usagedate) as day
    from bill_named
)
select
    'Azure' as provider,
    metercategory as service,
    coalesce(resourcelocation, resourcelocationnormalized, meterregion) as region,
    -- Azure writes month/day/year.
    coalesce(strftime(try_strptime(day, '%m/%d/%Y'), '%Y-%m-%d'), day) as charged_at,
    case pricing_model
        when 'ondemand' then 'Standard'
        when 'spot' then 'Dynamic'
        when 'reservation' then 'Committed'
        when 'savingsplan' then 'Committed'
        else case
            when pricingmodel is not null or coalesce(charge_type, 'usage') <> 'usage' then pricingmodel
            -- Exports of enterprise agreements before 2021 do not say how a machine was bought.
            when reservationid is not null then 'Committed'
            when regexp_matches(concat_ws(' ', metername, product), '(Spot|Low Priority)$') then 'Dynamic'
            else 'Standard'
        end
    end as pricing_category,
    term,
    case
        when charge_type is null
            or charge_type in ('usage', 'unusedreservation', 'unusedsavingsplan')
            then 'Usage'
        when charge_type = 'refund' then 'Credit'
        else chargetype
    end as category,
    case when charge_type = 'refund' then 'Correction' end as class,
    case
        when charge_type like 'unused%' then 'Unused'
        -- In the actual cost a reservation is its purchase, and what it covers costs nothing.
        when try_cast(coalesce(costinusd, costinbillingcurrency, cost, pretaxcost) as double) = 0
            and (pricing_model in ('reservation', 'savingsplan') or reservationid is not null)
            and coalesce(charge_type, 'usage') = 'usage'
            then 'Covered'
    end as status,
    coalesce(costinusd, costinbillingcurrency, cost, pretaxcost) as cost,
    case when costinusd is not null then 'USD'
        else coalesce(billingcurrencycode, billingcurrency, currency, 'USD')
    end as currency,
    coalesce(quantity, usagequantity) as quantity,
    -- The quantity is what was consumed, even where the price is by the 100 hours.
    regexp_replace(unitofmeasure, '^[0-9., ]+', '') as unit,
    more ->> 'ServiceType' as instance_type,
    null::varchar as gpu,
    null::varchar as gpu_count,
    meterid as sku,
    nullif(concat_ws(' | ', metername, metersubcategory, productname, product), '') as meter
from line

-- One row per line of an AWS cost and usage report, as text in the words of FOCUS.
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
        regexp_replace(lower(lineitemlineitemtype), '[^a-z]', '', 'g') as line_type,
        count(lineitemnetunblendedcost) over () > 0 as has_net_cost,
        try_cast(product as json) as attributes,
        -- What was not used of a reservation or a savings plan stands on the line of its fee.
        coalesce(
            try_cast(
                coalesce(
                    reservationnetunusedamortizedupfrontfeeforbillingperiod,
                    reservationunusedamortizedupfrontfeeforbillingperiod
                ) as decimal(38, 12)
            ),
            0
        )
        + coalesce(
            try_cast(
                coalesce(
                    reservationnetunusedrecurringfee, reservationunusedrecurringfee
                ) as decimal(38, 12)
            ),
            0
        ) as unused_reservation,
        try_cast(savingsplantotalcommitmenttodate as decimal(38, 12))
        - try_cast(savingsplanusedcommitment as decimal(38, 12)) as unused_plan
    from bill_named
)
select
    'AWS' as provider,
    coalesce(productproductname, lineitemproductcode) as service,
    coalesce(
        productregioncode, productregion, attributes ->> 'region_code', attributes ->> 'region'
    ) as region,
    lineitemusagestartdate as charged_at,
    case
        when line_type in ('discountedusage', 'savingsplancoveredusage') then 'Committed'
        when line_type <> 'usage' then null
        when lineitemusagetype ilike '%spotusage%' then 'Dynamic'
        else 'Standard'
    end as pricing_category,
    coalesce(savingsplanpurchaseterm, pricingleasecontractlength) as term,
    case
        when line_type in (
            'usage', 'discountedusage', 'savingsplancoveredusage', 'rifee', 'savingsplanrecurringfee'
        ) then 'Usage'
        when line_type like '%discount' or line_type in ('credit', 'refund') then 'Credit'
        when line_type like '%fee' then 'Purchase'
        else lineitemlineitemtype
    end as category,
    null::varchar as class,
    case
        when line_type in ('rifee', 'savingsplanrecurringfee')
            or lower(capacityreservationcapacityreservationstatus) = 'unused'
            or regexp_matches(lineitemusagetype, 'Unused(Box|Ded):')
            then 'Unused'
    end as status,
    case line_type
        when 'discountedusage' then coalesce(reservationneteffectivecost, reservationeffectivecost)
        when 'savingsplancoveredusage'
            then coalesce(
                savingsplannetsavingsplaneffectivecost, savingsplansavingsplaneffectivecost
            )
        when 'rifee' then unused_reservation::varchar
        when 'savingsplanrecurringfee' then unused_plan::varchar
        -- Its line beside the covered usage, whose cost is the share of the plan.
        when 'savingsplannegation' then '0'
        when 'savingsplanupfrontfee' then '0'
        -- A net cost holds the discounts, which are lines as well.
        else coalesce(
            lineitemnetunblendedcost,
            case when line_type like '%discount' and has_net_cost then '0' end,
            lineitemunblendedcost
        )
    end as cost,
    coalesce(lineitemcurrencycode, 'USD') as currency,
    lineitemusageamount as quantity,
    pricingunit as unit,
    coalesce(productinstancetype, attributes ->> 'instance_type') as instance_type,
    attributes ->> 'gpu_model' as gpu,
    null::varchar as gpu_count,
    productsku as sku,
    nullif(concat_ws(' | ', lineitemusagetype, lineitemlineitemdescription), '') as meter
from line

-- One row per line of a FOCUS bill, as text.
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
        *, try_cast(skupricedetails as json) as detail, try_cast(xskudetails as json) as more
    from bill_named
),
-- A commitment is paid once for its whole length: the charge period of its purchase.
commitment as (
    select
        commitmentdiscountid,
        min(
            date_diff(
                'month', try_cast(chargeperiodstart as timestamptz),
                try_cast(chargeperiodend as timestamptz)
            )
        ) as months
    from bill_named
    where lower(chargecategory) = 'purchase' and lower(chargefrequency) = 'one-time'
        and commitmentdiscountid is not null
    group by commitmentdiscountid
)
select
    coalesce(
        providername, serviceprovidername, hostprovidername, provider, invoiceissuername,
        invoiceissuer
    ) as provider,
    coalesce(servicename, servicecategory) as service,
    coalesce(regionid, regionname) as region,
    chargeperiodstart as charged_at,
    pricingcategory as pricing_category,
    coalesce(xtermmonths, detail ->> 'x_TermMonths', xskuterm, months::varchar) as term,
    coalesce(chargecategory, 'Usage') as category,
    chargeclass as class,
    case
        when lower(commitmentdiscountstatus) = 'unused' or lower(capacityreservationstatus) = 'unused'
            or regexp_matches(concat_ws(' ', skumeter, xusagetype), 'Unused(Box|Ded):')
            then 'Unused'
        -- What was billed for committed usage is nothing: its purchase is a line of its own.
        when coalesce(try_cast(effectivecost as double), 0) = 0
            and lower(pricingcategory) in ('committed', 'commitment-based')
            and coalesce(lower(chargecategory), 'usage') = 'usage' and chargeclass is null
            then 'Covered'
    end as status,
    coalesce(effectivecost, billedcost) as cost,
    coalesce(billingcurrency, 'USD') as currency,
    -- A unit belongs to its own quantity: consumed with consumed, priced with priced.
    coalesce(consumedquantity, pricingquantity) as quantity,
    case when consumedquantity is not null then consumedunit else pricingunit end as unit,
    coalesce(
        xinstancetype, detail ->> 'InstanceType', detail ->> 'instanceType',
        more ->> 'ServiceType', more ->> 'InstanceType'
    ) as instance_type,
    coalesce(xgpumodel, detail ->> 'x_GpuModel') as gpu,
    coalesce(xgpucount, detail ->> 'GpuCount') as gpu_count,
    coalesce(skuid, skupriceid, resourcetype) as sku,
    nullif(
        concat_ws(
            ' | ', skumeter, xusagetype, xskumetername, more ->> 'UsageType', chargedescription,
            xskudescription
        ),
        ''
    ) as meter
from line
left join commitment using (commitmentdiscountid)

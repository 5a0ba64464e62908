-- One row per line of Google Cloud's billing export, as text in the words of FOCUS.
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
        -- A list of labels, or one object with all of them.
        coalesce(
            try_cast(systemlabels as json) ->> '$."compute.googleapis.com/machine_spec"',
            regexp_extract(
                systemlabels,
                '"key"\s*:\s*"compute.googleapis.com/machine_spec"\s*,\s*"value"\s*:\s*"([^"]+)"', 1
            )
        ) as machine,
        coalesce(
            list_sum(
                try_cast(
                    json_extract_string(try_cast(credits as json), '$[*].amount')
                    as decimal(38, 12) []
                )
            ),
            0
        ) as credit,
        coalesce(unroundedcost, bill_named.cost) as said_cost,
        regexp_replace(lower(costtype), '[^a-z]', '', 'g') as cost_kind,
        -- Since 2025 what a commitment covers is billed at its price, by the model of consumption.
        nullif(consumptionmodeldescription, 'Default') as commitment
    from bill_named
)
select
    'Google Cloud' as provider,
    servicedescription as service,
    coalesce(locationregion, locationlocation) as region,
    coalesce(usagestarttime, usagestartdate) as charged_at,
    case
        when commitment is not null or credits ilike '%"committed_usage_discount%' then 'Committed'
        when skudescription ilike '%spot%' or skudescription ilike '%preemptible%' then 'Dynamic'
        else 'Standard'
    end as pricing_category,
    commitment as term,
    case
        when skudescription ilike 'commitment %' then 'Purchase'
        when credittype is not null then 'Credit'
        when coalesce(cost_kind, 'regular') in ('regular', 'usage') then 'Usage'
        when cost_kind in ('adjustment', 'roundingerror') then 'Adjustment'
        else costtype
    end as category,
    null::varchar as class,
    case
        when regexp_matches(
            coalesce(systemlabels, ''), 'is_unused_reservation"[^}]{0,20}[:"]+\s*"?true'
        ) then 'Unused'
        -- The credit pays for the usage, the fee of the commitment is a line of its own.
        when credits ilike '%"committed_usage_discount%' then 'Covered'
    end as status,
    case
        -- Credits that cannot be read leave the cost unknown.
        when credits is not null and try_cast(credits as json) is null then credits
        else coalesce((try_cast(said_cost as decimal(38, 12)) + credit)::varchar, said_cost)
    end as cost,
    coalesce(currency, 'USD') as currency,
    coalesce(usageamount, usageamountinpricingunits) as quantity,
    case when usageamount is not null then usageunit else usagepricingunit end as unit,
    nullif(machine, '') as instance_type,
    null::varchar as gpu,
    null::varchar as gpu_count,
    skuid as sku,
    skudescription as meter
from line

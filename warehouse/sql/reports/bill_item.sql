-- One row per line of a bill, its texts read as numbers, days and purchase models.
-- service | the service, as billed
-- provider_printed | the provider, as billed
-- region | the region, as billed; any, where there is none
-- day | the day of the charge, null where it cannot be read
-- purchase_model | on_demand, spot or reserved; null for another pricing category
-- pricing_category | the pricing category, as billed
-- commitment_months | length of the commitment, null without one [month]
-- cost_printed | the cost, as billed
-- cost | what was paid, null where it cannot be read [USD]
-- quantity_printed | the quantity, as billed
-- quantity | the quantity, null where it cannot be read
-- unit | unit of the quantity, in small letters
-- hours_per_unit | hours in one of the unit, null if it is no time [h]
-- is_gpu_unit | whether the unit counts GPU time
-- instance_type | the instance type
-- gpu_printed | the GPU, as billed
-- gpu_count | GPUs of the instance [GPU]
-- sku | the SKU, or what stands for it
-- meter | texts that describe the charge
-- category | charge category, as billed
-- is_correction | whether the line corrects an earlier one
-- status | unused or covered, null otherwise
-- currency | currency of the cost
-- parameter: seconds_per_hour | seconds of an hour [s/h]
with printed as (
    select cost as text from bill_text
    union
    select quantity from bill_text
),
-- $5.00, (5.00) and −5.00 as spreadsheets write them.
signed as (
    select
        text,
        regexp_replace(
            regexp_replace(replace(text, '−', '-'), '^\((.*)\)$', '-\1'), '^(-?)\$', '\1'
        ) as plain
    from printed
    where text is not null
),
-- 1234.5, 1,234.5, 1234,5 and 1.234,5 are read; 1,234 could mean two numbers and is not.
read_number as (
    select
        text,
        case
            when isfinite(try_cast(plain as double)) then try_cast(plain as double)
            when regexp_full_match(plain, '[+-]?[0-9]{1,3}(,[0-9]{3})+\.[0-9]+')
                then try_cast(replace(plain, ',', '') as double)
            when regexp_full_match(plain, '[+-]?[0-9]{1,3}(\.[0-9]{3})+,[0-9]+')
                or (
                    regexp_full_match(plain, '[+-]?[0-9]+,[0-9]+')
                    and not regexp_full_match(plain, '[+-]?[0-9]{1,3},[0-9]{3}')
                )
                then try_cast(replace(replace(plain, '.', ''), ',', '.') as double)
        end as value
    from signed
),
-- What no bill has is no amount: sums of it would be infinite.
number as (
    select text, case when abs(value) < 1e15 and (value = 0 or abs(value) > 1e-12) then value end as value
    from read_number
),
item as (
    select
        *,
        -- 100 Hours, GPU_Hours, Hrs: a number of units, and a unit whose signs do not count.
        coalesce(
            try_cast(replace(regexp_extract(unit, '^([0-9][0-9,.]*)', 1), ',', '') as double), 1
        ) as units,
        regexp_replace(lower(unit), '[^a-z]', '', 'g') as unit_name,
        lower(regexp_extract(term, '([0-9]+)[^0-9a-z]*([a-z]?)', 1, 'i')) as term_length,
        lower(regexp_extract(term, '([0-9]+)[^0-9a-z]*([a-z]?)', 2, 'i')) as term_unit
    from bill_text
)
select
    i.service,
    i.provider as provider_printed,
    coalesce(i.region, 'any') as region,
    coalesce(
        try_cast(i.charged_at as timestamptz) at time zone 'UTC',
        try_strptime(i.charged_at, ['%Y-%m-%dT%H:%MZ', '%Y-%m-%dT%H:%M', '%Y%m%d'])
    )::date as day,
    case lower(i.pricing_category)
        when 'standard' then 'on_demand'
        when 'on-demand' then 'on_demand'  -- in the preview of FOCUS 1.0
        when 'dynamic' then 'spot'
        when 'committed' then 'reserved'
        when 'commitment-based' then 'reserved'
    end as purchase_model,
    i.pricing_category,
    try_cast(i.term_length as integer)
    * case i.term_unit when 'y' then 12 when 'm' then 1 when '' then 1 end as commitment_months,
    i.cost as cost_printed,
    c.value as cost,
    i.quantity as quantity_printed,
    q.value as quantity,
    lower(i.unit) as unit,
    i.units * case
        when regexp_full_match(i.unit_name, '(gpu)?(per)?(hours?|hrs?|h)') then 1
        when regexp_full_match(i.unit_name, '(gpu)?(per)?(seconds?|secs?|s)') then 1 / $seconds_per_hour
        when regexp_full_match(i.unit_name, '(gpu)?(per)?(minutes?|mins?)') then 1 / 60.0
        when regexp_full_match(i.unit_name, '(gpu)?(per)?days?') then 24
    end as hours_per_unit,
    coalesce(i.unit_name like 'gpu%', false) as is_gpu_unit,
    i.instance_type,
    i.gpu as gpu_printed,
    case when try_cast(i.gpu_count as double) between 1e-3 and 1e6 then i.gpu_count::double end
        as gpu_count,
    i.sku,
    i.meter,
    coalesce(i.category, 'Usage') as category,
    coalesce(lower(i.class) = 'correction', false) as is_correction,
    lower(i.status) as status,
    upper(coalesce(i.currency, 'USD')) as currency
from item as i
left join number as c on i.cost = c.text
left join number as q on i.quantity = q.text

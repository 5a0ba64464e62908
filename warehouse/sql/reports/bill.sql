-- One row per service, region, GPU and purchase model of a bill, beside the market.
-- service | the service, as billed
-- region | the region, as billed; any, where there is none
-- gpu_id | the accelerator, null where it is not known
-- purchase_model | on_demand, spot or reserved
-- gpu_hours | GPU time of the items compared, net of corrections [GPU h]
-- paid_usd | what was paid for all items, net of corrections, credits and refunds [USD]
-- paid_usd_per_gpu_hour | what was paid for the items compared [USD/(GPU h)]
-- market_usd_per_gpu_hour | what the market asked for them [USD/(GPU h)]
-- above_fraction | paid above the market, negative below it [1]
-- above_usd | paid above the market, negative below it [USD]
-- market | which market values were taken: one family for all days of a way to buy a GPU; of a price of one's own file and row
-- market_day | the newest day of those values
-- market_gap_days | the most days between a charge and its market value [day]
-- provider_count | the fewest providers behind one of them
-- items | items of the bill
-- reason | why they cannot be compared, null where they are
-- depends on: marts.gpu_price_index, marts.gpu_price_daily
with item as (
    select
        i.*, p.provider_id, g.gpu_id,
        coalesce(i.gpu_count, g.gpu_count) as gpus,
        coalesce(g.role, 'machine') as role,
        f.market_family, t.is_by_token,
        lower(i.category) in ('credit', 'adjustment') as is_credit
    from bill_item as i
    left join bill_provider as p on i.provider_printed = p.provider_printed
    left join core.provider as f on p.provider_id = f.provider_id
    left join bill_gpu as g
        on p.provider_id = g.provider_id
        and i.service is not distinct from g.service
        and i.instance_type is not distinct from g.instance_type
        and i.gpu_printed is not distinct from g.gpu_printed
        and i.gpu_count is not distinct from g.gpu_count_printed
        and i.sku is not distinct from g.sku
        and i.meter is not distinct from g.meter
    left join (select distinct service, meter, unit, true as is_by_token from bill_token) as t
        on i.service is not distinct from t.service
        and i.meter is not distinct from t.meter
        and i.unit is not distinct from t.unit
),
-- Credits often do not say how the usage was bought: as it was, where there is one way only.
bought as (
    select
        provider_id, region, gpu_id, min(purchase_model) as purchase_model,
        min(commitment_months) as commitment_months
    from item
    where not is_credit and purchase_model is not null and gpu_id is not null
    group by provider_id, region, gpu_id
    having count(distinct (purchase_model, commitment_months)) = 1
),
kind as (
    select
        i.* replace (
            coalesce(i.purchase_model, b.purchase_model) as purchase_model,
            case when i.purchase_model is null then b.commitment_months else i.commitment_months end
                as commitment_months
        ),
        -- Money for GPU hours that another line counts: it joins their cost.
        (i.is_credit and not (i.is_correction and coalesce(i.quantity, 0) < 0)) or i.role = 'part'
        or (i.is_correction and coalesce(i.quantity, 0) = 0)
        or (i.cost < 0 and i.quantity > 0) as is_money_only
    from item as i
    left join bought as b
        on (i.is_credit or i.is_correction)
        and i.provider_id = b.provider_id and i.region = b.region and i.gpu_id = b.gpu_id
),
metered as (
    select
        *,
        case
            when is_money_only then 0
            else quantity * hours_per_unit * case when is_gpu_unit or role = 'gpu' then 1 else gpus end
        end as gpu_hours,
        case
            when currency <> 'USD' then 'not in US dollars: ' || currency
            when lower(category) <> 'usage' and not is_credit
                then 'charge of category ' || category
            when status = 'unused' then 'unused capacity of a commitment'
            when status = 'covered' then 'paid by a commitment, whose fee is an item of its own'
            when provider_id is null then 'provider not known: ' || coalesce(provider_printed, '')
            when is_by_token then 'billed by the token: truecost bill --tokens'
            when gpu_id is null and is_credit then 'credit that names no GPU'
            when gpu_id is null
                then 'no GPU is known for ' || coalesce(instance_type, left(meter, 80), sku, '(no sku)')
            when role = 'beside' then 'beside the instance: a licence, a service or reserved hours'
            when day is null then 'no day'
            when purchase_model is null
                then 'no market for pricing category ' || coalesce(pricing_category, '(none)')
            when purchase_model = 'reserved' and commitment_months is null
                then 'length of the commitment not told'
            when cost is null and cost_printed is not null
                then 'number not read: ' || cost_printed
            when is_money_only and cost is not null then null
            when quantity is null and quantity_printed is not null
                then 'number not read: ' || quantity_printed
            when cost is null or coalesce(quantity, 0) = 0 then 'no cost or quantity'
            when cost > 0 and quantity < 0 then 'cost and quantity disagree in sign'
            when hours_per_unit is null then 'unit is no time: ' || coalesce(unit, '(none)')
            when gpus is null and not is_gpu_unit then 'number of GPUs not known'
        end as reason
    from kind
),
-- The provider's own family by the index; where it is withheld, all families by the daily median.
market as (
    select gpu_id, purchase_model, commitment_months, market_family, day, usd_per_gpu_hour,
        provider_count, 'index, ' || market_family as market, 1 as choice
    from marts.gpu_price_index
    where usd_per_gpu_hour is not null and coalesce(reference_region, 'us') = 'us'
    union all
    select gpu_id, purchase_model, commitment_months, 'marketplace', day, usd_per_gpu_hour,
        provider_count, 'index, ' || market_family as market, 2 as choice
    from marts.gpu_price_index
    where usd_per_gpu_hour is not null and market_family = 'marketplace_secure'
        and coalesce(reference_region, 'us') = 'us'
    union all
    select gpu_id, purchase_model, commitment_months, 'all', day, median_usd_per_gpu_hour,
        provider_count, 'median of all families', 3
    from marts.gpu_price_daily
    where market_family = 'all' and provider_count >= 3
),
wanted as (
    select distinct gpu_id, purchase_model, commitment_months, market_family, day
    from metered where reason is null
),
near as (
    select a.*, m.usd_per_gpu_hour, m.market, m.day as market_day, m.provider_count, m.choice,
        -- One family for every day of the bill: a hole in it is a gap, not another market.
        min(m.choice) over (
            partition by a.gpu_id, a.purchase_model, a.commitment_months, a.market_family
        ) as first_choice
    from wanted as a
    inner join market as m
        on a.gpu_id = m.gpu_id and a.purchase_model = m.purchase_model
        and a.commitment_months is not distinct from m.commitment_months
        and (m.choice = 3 or m.market_family = a.market_family)
        and m.day between a.day - 31 and a.day + 31
),
-- The value of the day, else the last one before it, else the first one after; within a month.
answered as (
    select * from near
    where choice = first_choice
    qualify row_number() over (
        partition by gpu_id, purchase_model, commitment_months, market_family, day
        order by market_day > day, abs(date_diff('day', market_day, day))
    ) = 1
),
-- A price of one's own for the day stands in for that of the market; the row that says most wins.
charged as (
    select distinct
        provider_id, gpu_id, purchase_model, commitment_months, region, gpus, day
    from metered where reason is null
),
own as (
    select c.*, p.usd_per_gpu_hour, p.place
    from charged as c
    inner join bill_price as p
        on c.provider_id = p.provider_id and c.gpu_id = p.gpu_id
        and c.purchase_model = p.purchase_model
        and c.commitment_months is not distinct from p.commitment_months
        and (p.region is null or c.region = p.region)
        and (p.gpu_count is null or c.gpus = p.gpu_count)
        and c.day between coalesce(p.valid_from, c.day) and coalesce(p.valid_to, c.day)
    qualify row_number() over (
        partition by
            c.provider_id, c.gpu_id, c.purchase_model, c.commitment_months, c.region, c.gpus, c.day
        order by p.region is null, p.gpu_count is null, p.row_number desc
    ) = 1
),
priced as (
    select t.*,
        coalesce(o.usd_per_gpu_hour, w.usd_per_gpu_hour) as usd_per_gpu_hour,
        coalesce(o.place, w.market) as market,
        case when o.place is null then w.market_day else t.day end as market_day,
        case when o.place is null then w.provider_count else 1 end as provider_count,
        coalesce(
            t.reason,
            case when coalesce(o.usd_per_gpu_hour, w.usd_per_gpu_hour) is null
                then 'no day within a month has a market price of 3 providers'
            end
        ) as why_not
    from metered as t
    left join answered as w
        on t.reason is null and t.gpu_id = w.gpu_id and t.purchase_model = w.purchase_model
        and t.commitment_months is not distinct from w.commitment_months
        and t.market_family is not distinct from w.market_family and t.day = w.day
    left join own as o
        on t.reason is null and t.provider_id = o.provider_id and t.gpu_id = o.gpu_id
        and t.purchase_model = o.purchase_model
        and t.commitment_months is not distinct from o.commitment_months
        and t.region = o.region and t.gpus is not distinct from o.gpus and t.day = o.day
),
-- Corrections, credits and refunds lower the month that they are for. Rounding leaves what is
-- netted at nothing.
month as (
    select
        service, region, gpu_id, purchase_model, why_not, date_trunc('month', day) as charge_month,
        fsum(gpu_hours) as gpu_hours, fsum(cost) as paid_usd,
        fsum(usd_per_gpu_hour * gpu_hours) as market_usd,
        list(distinct market) as markets,
        max(market_day) as market_day,
        max(abs(date_diff('day', market_day, day))) as market_gap_days,
        min(provider_count) as provider_count,
        count(*) as items,
        case when why_not is null then round(fsum(gpu_hours), 9) > 0 end as has_hours
    from priced
    group by service, region, gpu_id, purchase_model, why_not, charge_month
),
net as (
    select
        service, region, gpu_id, purchase_model,
        coalesce(
            why_not,
            case when not has_hours
                then 'no GPU hours are left after corrections, credits and parts of machines'
            end
        ) as reason,
        round(fsum(gpu_hours) filter (why_not is null), 9) + 0.0 as gpu_hours,
        round(fsum(paid_usd), 9) + 0.0 as paid_usd,
        round(fsum(market_usd), 9) + 0.0 as market_usd,
        array_to_string(list_sort(list_distinct(flatten(list(markets)))), ' and ') as market,
        max(market_day) as market_day,
        max(market_gap_days) as market_gap_days,
        min(provider_count) as provider_count,
        sum(items)::bigint as items
    from month
    group by service, region, gpu_id, purchase_model, reason
)
select
    service, region, gpu_id, purchase_model, gpu_hours, paid_usd,
    case when reason is null then paid_usd / gpu_hours end as paid_usd_per_gpu_hour,
    case when reason is null then market_usd / gpu_hours end as market_usd_per_gpu_hour,
    case when reason is null then paid_usd / market_usd - 1 end as above_fraction,
    case when reason is null then paid_usd - market_usd end as above_usd,
    case when reason is null then market end as market,
    case when reason is null then market_day end as market_day,
    case when reason is null then market_gap_days end as market_gap_days,
    case when reason is null then provider_count end as provider_count,
    items,
    reason
from net
order by reason nulls first, above_usd desc nulls last, paid_usd desc, service, region, gpu_id,
    purchase_model

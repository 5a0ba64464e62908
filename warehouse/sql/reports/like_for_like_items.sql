-- One row per item and month that the matched index needs, see marts.item_price_month.
-- gpu_id | the accelerator
-- gpu_class | its class; null for a coarse name of no class
-- purchase_model | on_demand, spot, reserved or capacity_block
-- commitment_months | length of the commitment, null where there is none [month]
-- market_family | hyperscaler, neocloud or marketplace
-- reference_region | us, europe or asia
-- month_number | months since year 0 [month]
-- provider_id | the provider
-- item_id | what stays the same thing
-- source_id | the source that prints it
-- usd_per_gpu_hour | what it asked [USD/(GPU h)]
-- parameter: since | first month [date]
select
    p.gpu_id,
    g.gpu_class,
    p.purchase_model,
    p.commitment_months,
    p.market_family,
    p.reference_region,
    cast(year(p.month) * 12 + month(p.month) - 1 as integer) as month_number,
    p.provider_id,
    p.item_id,
    p.source_id,
    p.usd_per_gpu_hour
from marts.item_price_month as p
left join core.gpu as g on p.gpu_id = g.gpu_id
where p.month >= $since and p.reference_region <> 'other'
order by p.item_id, p.month

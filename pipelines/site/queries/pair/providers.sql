-- One row per pair of the ten pairs of providers with the most prices of the same thing: GPU, contract and part of the world.
-- a_provider_id | the first provider
-- a_name | its full name
-- b_provider_id | the second provider
-- b_name | its full name
with matched as (
    select a.provider_id as a_provider_id, b.provider_id as b_provider_id, count(*) as price_count
    from marts.provider_price_now as a
    inner join marts.provider_price_now as b
        on
            a.gpu_id = b.gpu_id and a.purchase_model = b.purchase_model
            and a.commitment_months is not distinct from b.commitment_months
            and a.reference_region = b.reference_region
            and a.provider_id < b.provider_id
    group by a.provider_id, b.provider_id
    order by price_count desc, a_provider_id, b_provider_id
    limit 10
)
select
    m.a_provider_id, coalesce(a.name, m.a_provider_id) as a_name,
    m.b_provider_id, coalesce(b.name, m.b_provider_id) as b_name
from matched as m
left join core.provider as a on m.a_provider_id = a.provider_id
left join core.provider as b on m.b_provider_id = b.provider_id
order by m.price_count desc, m.a_provider_id, m.b_provider_id

-- One row per thing that both providers rent out: GPU, contract and part of the world.
-- a_provider_id | the first provider
-- b_provider_id | the second provider
-- gpu_id | the accelerator
-- basis | contract and part of the world
-- a_usd_per_gpu_hour | price of the first provider [USD/(GPU h)]
-- b_usd_per_gpu_hour | price of the second provider [USD/(GPU h)]
-- a_age_days | age of the first price [d]
-- b_age_days | age of the second price [d]
-- parameter: a_provider_id | the first provider
-- parameter: b_provider_id | the second provider
select
    a_provider_id, b_provider_id, a.gpu_id,
    concat_ws(', ', a.purchase_model, a.commitment_months || ' months', a.reference_region) as basis,
    a.usd_per_gpu_hour as a_usd_per_gpu_hour,
    b.usd_per_gpu_hour as b_usd_per_gpu_hour,
    a.age_days as a_age_days,
    b.age_days as b_age_days
from (select *, provider_id as a_provider_id from marts.provider_price_now) as a
inner join (select *, provider_id as b_provider_id from marts.provider_price_now) as b
    on
        a.gpu_id = b.gpu_id and a.purchase_model = b.purchase_model
        and a.commitment_months is not distinct from b.commitment_months
        and a.reference_region = b.reference_region
where a_provider_id = $a_provider_id and b_provider_id = $b_provider_id
order by a_provider_id, b_provider_id, a.gpu_id, a.purchase_model, a.commitment_months nulls first, a.reference_region

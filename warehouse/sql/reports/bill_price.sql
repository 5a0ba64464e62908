-- One row per price of a book of one's own, for what a bill charges.
-- place | file and row
-- provider_id | the provider
-- gpu_id | the accelerator
-- gpu_count | GPUs of one instance, null for any [GPU]
-- region | the provider's own region, null for any
-- purchase_model | on_demand, spot, reserved or capacity_block
-- commitment_months | length of a reservation, null without one [month]
-- usd_per_gpu_hour | the price [USD/(GPU h)]
-- valid_from | first day, null for always
-- valid_to | last day, null for always
-- row_number | place in the file: of equal rows the last counts
-- parameter: prices | the prices, as JSON
with line as (
    select unnest($prices::json::json []) as said
)
select
    said ->> 'place' as place,
    said ->> 'provider_id' as provider_id,
    said ->> 'gpu_id' as gpu_id,
    (said ->> 'gpu_count')::integer as gpu_count,
    said ->> 'region' as region,
    said ->> 'purchase_model' as purchase_model,
    (said ->> 'commitment_months')::integer as commitment_months,
    (said ->> 'usd_per_gpu_hour')::double as usd_per_gpu_hour,
    (said ->> 'valid_from')::date as valid_from,
    (said ->> 'valid_to')::date as valid_to,
    (said ->> 'row_number')::integer as row_number
from line
where (said ->> 'usd_per_gpu_hour') is not null and (said ->> 'gpu_id') is not null

-- One row per name that NVIDIA's drivers print for an accelerator, with its price index.
-- label | the name as a label of a Kubernetes node: spaces are dashes
-- gpu_id | the accelerator
-- usd_per_gpu_hour | the newest value of the index [USD/(GPU h)]
-- day | the day of the value [UTC date]
-- parameter: purchase_model | on_demand, spot, reserved or capacity_block
-- parameter: market_family | whose prices the index holds
-- parameter: reference_region | us, europe or asia
with spelled as (
    select distinct replace(gpu_name_printed, ' ', '-') as label, canonical as gpu_id
    from core.gpu_alias
    where source_family = 'runpod_id' and starts_with(gpu_name_printed, 'NVIDIA ')
)
select label, gpu_id, usd_per_gpu_hour, day
from marts.gpu_price_index
join spelled using (gpu_id)
where usd_per_gpu_hour is not null and commitment_months is null
    and purchase_model = $purchase_model and market_family = $market_family
    and reference_region = $reference_region
qualify row_number() over (partition by label order by day desc) = 1
order by label

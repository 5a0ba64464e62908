-- One row per purchase model in which a GPU is offered.
-- purchase_model | on_demand, spot, reserved or capacity_block
-- offer_count | current offers
-- gpu_counts | sizes of their instances, as a list in text [GPU]
-- stale_count | offers that are stale
-- parameter: gpu_id | the accelerator
select purchase_model, count(*) as offer_count,
    array_to_string(list_sort(list(distinct gpu_count)), ', ') as gpu_counts,
    count(*) filter (is_stale) as stale_count
from marts.offers_latest
where gpu_id = $gpu_id
group by purchase_model

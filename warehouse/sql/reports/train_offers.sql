-- One row per accelerator and provider: its cheapest whole server now, least USD per dense FLOP first.
-- gpu_id | the accelerator
-- provider_id | who offers it
-- region | where, as the provider prints it
-- gpu_count | GPUs of one server [GPU]
-- purchase_model | on_demand or reserved
-- commitment_months | length of the reservation, null without one [month]
-- usd_per_gpu_hour | price [USD/(GPU h)]
-- seen_at | when that was last shown [UTC]
-- is_available | whether the source reports capacity, null where it does not say
-- source_url | the address of the price
-- flops_per_second | dense peak of one GPU [FLOP/s]
-- memory_bytes | memory of one GPU [byte]
-- parameter: precision | number format of the peak
-- parameter: server_gpus | GPUs of a server [GPU]
-- parameter: least_memory_bytes | memory that a GPU must have [byte]
-- parameter: limit | rows
select o.gpu_id, o.provider_id, o.region, o.gpu_count, o.purchase_model, o.commitment_months,
    o.usd_per_gpu_hour, o.seen_at, o.is_available, o.source_url, p.flops_per_second, g.memory_bytes
from marts.gpu_set_offer as o
inner join core.gpu_peak as p
    on o.gpu_id = p.gpu_id and p."precision" = $precision and not p.is_sparse
inner join core.gpu as g on o.gpu_id = g.gpu_id
where o.purchase_model in ('on_demand', 'reserved') and o.gpu_count = $server_gpus
    and g.memory_bytes >= $least_memory_bytes
qualify row_number() over (
    partition by o.gpu_id, o.provider_id
    order by o.usd_per_gpu_hour, o.commitment_months nulls first, o.reference_region
) = 1
order by o.usd_per_gpu_hour / p.flops_per_second, o.provider_id, o.gpu_id
limit $limit

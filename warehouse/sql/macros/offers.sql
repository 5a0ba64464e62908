-- Who rents out so many GPUs together now, cheapest first: one machine, joined GPUs sold one by one, or whole nodes; marts.gpu_set_offer has common numbers.
create or replace macro cheapest(gpu_id, gpu_count, purchase_model := 'on_demand') as table
    select
        o.provider_id, o.gpu_id, o.gpu_count as gpus_per_instance, o.purchase_model,
        o.commitment_months, o.market_family, o.region, o.usd_per_gpu_hour,
        o.usd_per_gpu_hour * gpu_count as usd_per_hour, o.seen_at, o.is_available,
        coalesce(o.homepage_url, o.source_url) as source_url
    from marts.offers_latest as o
    inner join core.gpu as g on o.gpu_id = g.gpu_id
    where o.gpu_id = gpu_id and o.purchase_model = purchase_model
        and not o.is_stale and not o.is_witness and o.is_available is distinct from false
        and is_set_of(
            gpu_count, o.gpu_count, o.price_basis, o.market_family, g.form_factor,
            g.scale_up_gpu_count, o.interconnect, o.node_link
        )
    qualify row_number() over (
        partition by o.provider_id, o.commitment_months
        order by o.usd_per_gpu_hour, o.region, o.offer_key
    ) = 1
    order by o.usd_per_gpu_hour, o.provider_id, o.commitment_months;

-- One row per provider, GPU and purchase model with offers that came or went between two days.
-- provider_id | the provider that rents the GPU out
-- gpu_id | the accelerator, null where the printed name is not resolved
-- purchase_model | on_demand, spot, reserved or capacity_block
-- new_offers | offers of the later day only, without those that are stale already
-- gone_offers | offers of the earlier day only
-- cheapest_new_usd_per_gpu_hour | the cheapest new offer [USD/(GPU h)]
-- depends on: core.offer_price
-- parameter: since | the earlier day, with the prices at its end
-- parameter: until | the later day, with the prices at its end
with stale as (
    select source_id, offer_key
    from marts.offers_latest
    where is_stale and $until >= (select cast(prices_at as date) from staged.build_clock)
)
select coalesce(n.provider_id, t.provider_id) as provider_id,
    coalesce(n.gpu_id, t.gpu_id) as gpu_id,
    coalesce(n.purchase_model, t.purchase_model) as purchase_model,
    count(*) filter (t.offer_key is null) as new_offers,
    count(*) filter (n.offer_key is null) as gone_offers,
    min(n.usd_per_gpu_hour) filter (
        t.offer_key is null and n.is_available is distinct from false
    ) as cheapest_new_usd_per_gpu_hour
from as_of($until) as n
full join as_of($since) as t on n.offer_key = t.offer_key
left join stale as s on n.source_id = s.source_id and n.offer_key = s.offer_key
where n.offer_key is null or (t.offer_key is null and s.offer_key is null)
group by 1, 2, 3
order by new_offers + gone_offers desc, 1, 2, 3

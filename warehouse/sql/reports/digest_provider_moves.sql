-- One row per provider, GPU and purchase model whose prices moved between two days.
-- provider_id | the provider that rents the GPU out
-- gpu_id | the accelerator
-- purchase_model | on_demand, spot, reserved or capacity_block
-- before_usd_per_gpu_hour | median of the moved offers at the end of the earlier day [USD/(GPU h)]
-- usd_per_gpu_hour | median of the moved offers at the end of the later day [USD/(GPU h)]
-- change_fraction | median change of an offer, on a logarithmic scale [1]
-- offer_count | offers that moved
-- source_id | a source that shows the move
-- payload_sha256 | hash of a payload that shows the move
-- method_break | a declared break of method between the two days, which is not a move of a price
-- depends on: core.offer_price
-- parameter: since | the earlier day, with the prices at its end
-- parameter: until | the later day, with the prices at its end
-- parameter: threshold | the smallest move to list, as a fraction [1]
with stale as (
    select source_id, offer_key
    from marts.offers_latest
    where is_stale and $until >= (select cast(prices_at as date) from staged.build_clock)
)
select n.provider_id, n.gpu_id, n.purchase_model,
    median(t.usd_per_gpu_hour) as before_usd_per_gpu_hour,
    median(n.usd_per_gpu_hour) as usd_per_gpu_hour,
    exp(median(ln(n.usd_per_gpu_hour / t.usd_per_gpu_hour))) - 1 as change_fraction,
    count(*) as offer_count, any_value(n.source_id) as source_id,
    any_value(n.payload_sha256) as payload_sha256, min(b.change) as method_break
from as_of($until) as n
inner join as_of($since) as t on n.offer_key = t.offer_key and n.gpu_id = t.gpu_id
anti join stale as s on n.source_id = s.source_id and n.offer_key = s.offer_key
left join core.method_break as b
    on n.source_id = b.source_id and b.break_on <= $until and b.settled_on > $since
where n.gpu_id is not null and n.is_available is distinct from false
    and abs(n.usd_per_gpu_hour / t.usd_per_gpu_hour - 1) >= $threshold
group by n.provider_id, n.gpu_id, n.purchase_model
order by abs(change_fraction) desc, n.gpu_id, n.provider_id

-- One row per source, provider and purchase model, and better source: how often they price the same thing alike.
-- source_id | the source whose record this is
-- provider_id | the provider that both price
-- purchase_model | on_demand, spot, reserved or capacity_block
-- against_source_id | the better source: of a better kind, or a copy of the provider's own list
-- compared_count | things that both price: same GPU, region, number of GPUs and commitment
-- contradicting_count | those whose prices differ by over 5 %
-- contradicting_fraction | their share [1]
-- median_ratio | the middle of its price over that of the better source [1]
-- is_witness_only | true where the source only witnesses for this provider: of at least ten things on demand or reserved, a fifth differ
-- check: each row is there once: select source_id, provider_id, purchase_model, against_source_id from {this} group by all having count(*) > 1
with standing as (
    select
        o.source_id, s.kind_rank, o.provider_id, o.gpu_id, o.gpu_count,
        coalesce(o.region, '') as region, o.purchase_model,
        coalesce(o.commitment_months, 0) as commitment_months,
        median(o.usd_per_gpu_hour) as usd_per_gpu_hour
    from core.offer_open as o
    inner join meta.source as s on o.source_id = s.source_id
    -- The machines of a marketplace are not the same thing.
    where o.gpu_id is not null and o.usd_per_gpu_hour > 0 and o.market_tier not like 'marketplace%'
    group by
        o.source_id, s.kind_rank, o.provider_id, o.gpu_id, o.gpu_count,
        coalesce(o.region, ''), o.purchase_model, coalesce(o.commitment_months, 0)
),
compared as (
    select
        w.source_id, w.provider_id, w.purchase_model, b.source_id as against_source_id,
        count(*) as compared_count,
        count(*) filter (abs(ln(w.usd_per_gpu_hour / b.usd_per_gpu_hour)) > ln(1.05))
            as contradicting_count,
        median(w.usd_per_gpu_hour / b.usd_per_gpu_hour) as median_ratio
    from standing as w
    inner join standing as b
        on
            w.provider_id = b.provider_id and w.gpu_id = b.gpu_id and w.gpu_count = b.gpu_count
            and w.region = b.region and w.purchase_model = b.purchase_model
            and w.commitment_months = b.commitment_months and b.kind_rank < w.kind_rank
    group by w.source_id, w.provider_id, w.purchase_model, b.source_id
)
select
    source_id,
    provider_id,
    purchase_model,
    against_source_id,
    compared_count,
    contradicting_count,
    contradicting_count / compared_count as contradicting_fraction,
    median_ratio,
    -- Spot prices of two hours may differ by more.
    purchase_model <> 'spot' and compared_count >= 10
    and contradicting_count >= 0.2 * compared_count as is_witness_only
from compared

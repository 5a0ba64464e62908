-- One row per provider, accelerator, contract, family, part of the world and quarter: what the hedonic regression reads.
-- quarter_number | quarters since year 0 [quarter]
-- provider_id | the provider
-- gpu_id | the accelerator: a data-centre part of which memory, bandwidth and peak are known
-- usd_per_gpu_hour | geometric mean of its items [USD/(GPU h)]
-- memory_bytes | memory [byte]
-- bandwidth_bytes_per_second | memory bandwidth [byte/s]
-- flops_per_second | dense peak in bf16; in fp16, then in fp32, where it has none [FLOP/s]
-- form_factor | SXM, PCIe, OAM ...; none where the vendor names none
-- market_family | hyperscaler, neocloud or marketplace
-- reference_region | us, europe or asia
-- contract | purchase model and term
with peak as (
    select
        gpu_id,
        max(flops_per_second) filter (precision = 'bf16') as bf16,
        max(flops_per_second) filter (precision = 'fp16') as fp16,
        max(flops_per_second) filter (precision = 'fp32') as fp32
    from core.gpu_peak
    where not is_sparse
    group by gpu_id
),
asked as (
    select
        cast(year(month) * 4 + quarter(month) - 1 as integer) as quarter_number,
        provider_id, gpu_id, purchase_model, commitment_months, market_family, reference_region,
        exp(round(avg(ln(usd_per_gpu_hour)), 12)) as usd_per_gpu_hour
    from marts.item_price_month
    where reference_region <> 'other'
    group by
        cast(year(month) * 4 + quarter(month) - 1 as integer), provider_id, gpu_id,
        purchase_model, commitment_months, market_family, reference_region
)
select
    a.quarter_number,
    a.provider_id,
    a.gpu_id,
    a.usd_per_gpu_hour,
    g.memory_bytes,
    g.bandwidth_bytes_per_second,
    coalesce(p.bf16, p.fp16, p.fp32) as flops_per_second,
    coalesce(regexp_extract(g.form_factor, '^[A-Za-z]+'), 'none') as form_factor,
    a.market_family,
    a.reference_region,
    concat_ws(' ', a.purchase_model, a.commitment_months) as contract
from asked as a
inner join core.gpu as g on a.gpu_id = g.gpu_id
inner join peak as p on a.gpu_id = p.gpu_id
where
    g.gpu_class = 'data_center' and g.memory_bytes is not null
    and g.bandwidth_bytes_per_second is not null
    and coalesce(p.bf16, p.fp16, p.fp32) is not null
order by a.quarter_number, a.provider_id, a.gpu_id, contract, a.market_family, a.reference_region

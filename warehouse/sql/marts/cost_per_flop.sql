-- One row per accelerator, dense precision, contract, market family and part of the world: what operations cost to rent now.
-- gpu_id | the accelerator
-- precision | number format of the operands; dense peaks only
-- purchase_model | on_demand, spot, reserved or capacity_block
-- commitment_months | length of the commitment, null where there is none [month]
-- market_family | whose prices: hyperscaler, neocloud, marketplace, or all of them together
-- reference_region | us, europe or asia
-- is_default_basis | true for the family and part of the world that a cost rests on unless something else is asked for
-- day | the day of the prices [UTC date]
-- usd_per_gpu_hour | middle of the providers' prices [USD/(GPU h)]
-- usd_per_gpu_hour_low | lower end of 80 % of what the next seller asks [USD/(GPU h)]
-- usd_per_gpu_hour_high | upper end of it [USD/(GPU h)]
-- provider_count | providers with a fresh price [1]
-- oldest_seen_at | when the oldest of the prices was last shown [UTC]
-- evidence | market: three providers or more; thin: fewer, for no ranking
-- flops_per_second | dense peak [FLOP/s]
-- usd_per_exaflop_peak | price of 10^18 FLOPs at the peak [USD/10^18 FLOP]
-- utilisation_fraction | share of the peak that training commonly reaches [1]
-- usd_per_exaflop_effective | price of 10^18 FLOPs at that share [USD/10^18 FLOP]
-- low | lower bound: the same at the low price and a share of the peak that is hard to beat [USD/10^18 FLOP]
-- high | upper bound: the same at the high price and a share that is easy to reach [USD/10^18 FLOP]
-- usd_per_gigabyte_hour | price of memory [USD/(GB h)]
-- usd_per_terabyte_per_second_hour | price of bandwidth, which decides what decoding costs [USD/(TB/s h)]
-- flops_per_second_per_usd_per_hour | dense peak that one dollar an hour rents [FLOP/s per USD/h]
-- flops_per_second_per_watt | dense peak over board power [FLOP/(s W)]
-- flops_per_byte | FLOPs per byte read at which neither compute nor bandwidth binds [FLOP/byte]
-- view
-- check: each row is there once: select gpu_id, precision, purchase_model, commitment_months, market_family, reference_region from {this} group by all having count(*) > 1
-- check: the cost lies in its interval: select * from {this} where not (0 < low and low <= usd_per_exaflop_effective * (1 + 1e-12) and usd_per_exaflop_effective <= high * (1 + 1e-12))
-- check: the peak costs no more than what is reached: select * from {this} where usd_per_exaflop_peak > usd_per_exaflop_effective
with reached as (
    select
        max(case when field = 'low_fraction' then cast(value as double) end) as low_fraction,
        max(case when field = 'central_fraction' then cast(value as double) end)
            as central_fraction,
        max(case when field = 'high_fraction' then cast(value as double) end) as high_fraction
    from meta.reference_value
    where subject_kind = 'scenario' and subject = 'training'
        and field in ('low_fraction', 'central_fraction', 'high_fraction')
)
select
    p.gpu_id,
    f.precision,
    p.purchase_model,
    p.commitment_months,
    p.market_family,
    p.reference_region,
    p.is_default_basis,
    p.day,
    p.middle_usd_per_gpu_hour as usd_per_gpu_hour,
    p.ask_low_usd_per_gpu_hour as usd_per_gpu_hour_low,
    p.ask_high_usd_per_gpu_hour as usd_per_gpu_hour_high,
    p.provider_count,
    p.oldest_seen_at,
    p.evidence,
    f.flops_per_second,
    usd_per_exaflop(p.middle_usd_per_gpu_hour, f.flops_per_second) as usd_per_exaflop_peak,
    r.central_fraction as utilisation_fraction,
    usd_per_exaflop(p.middle_usd_per_gpu_hour, f.flops_per_second, r.central_fraction)
        as usd_per_exaflop_effective,
    usd_per_exaflop(p.ask_low_usd_per_gpu_hour, f.flops_per_second, r.high_fraction) as low,
    usd_per_exaflop(p.ask_high_usd_per_gpu_hour, f.flops_per_second, r.low_fraction) as high,
    p.middle_usd_per_gpu_hour / (g.memory_bytes / 1e9) as usd_per_gigabyte_hour,
    p.middle_usd_per_gpu_hour / (g.bandwidth_bytes_per_second / 1e12)
        as usd_per_terabyte_per_second_hour,
    f.flops_per_second / p.middle_usd_per_gpu_hour as flops_per_second_per_usd_per_hour,
    f.flops_per_second / g.board_power_watts as flops_per_second_per_watt,
    f.flops_per_second / g.bandwidth_bytes_per_second as flops_per_byte
from marts.gpu_price_now as p
inner join core.gpu_peak as f on p.gpu_id = f.gpu_id and not f.is_sparse
inner join core.gpu as g on p.gpu_id = g.gpu_id
cross join reached as r

-- One row per GPU, precision and purchase model: what a dollar buys today on the default basis.
-- gpu_id | the accelerator
-- precision | number format
-- purchase_model | on_demand, spot, reserved or capacity_block
-- usd_per_gpu_hour | middle of the providers' prices [USD/(GPU h)]
-- peak | price at the printed dense peak [USD/(PFLOP/s h)]
-- utilisation_fraction | share of the peak that training commonly reaches [1]
-- effective | price at the commonly achieved share of the peak [USD/(PFLOP/s h)]
-- low | low end of effective [USD/(PFLOP/s h)]
-- high | high end of effective [USD/(PFLOP/s h)]
-- memory | price of memory [USD/(TB h)]
-- bandwidth | price of memory bandwidth [USD/(TB/s h)]
-- peak_low | peak at the low price [USD/(PFLOP/s h)]
-- peak_high | peak at the high price [USD/(PFLOP/s h)]
-- memory_low | memory at the low price [USD/(TB h)]
-- memory_high | memory at the high price [USD/(TB h)]
-- bandwidth_low | bandwidth at the low price [USD/(TB/s h)]
-- bandwidth_high | bandwidth at the high price [USD/(TB/s h)]
-- provider_count | independent providers behind the value
-- day | the day, with the prices at its end [UTC date]
-- architecture | chip architecture
-- is_coarse | true for a name without variant: it covers several chips, with the fields they share
select
    c.gpu_id, c.precision, c.purchase_model, c.usd_per_gpu_hour,
    c.usd_per_exaflop_peak * 3.6 as peak,
    c.utilisation_fraction,
    c.usd_per_exaflop_effective * 3.6 as effective,
    c.low * 3.6 as low, c.high * 3.6 as high,
    c.usd_per_gigabyte_hour * 1000 as memory,
    c.usd_per_terabyte_per_second_hour as bandwidth,
    peak * c.usd_per_gpu_hour_low / c.usd_per_gpu_hour as peak_low,
    peak * c.usd_per_gpu_hour_high / c.usd_per_gpu_hour as peak_high,
    memory * c.usd_per_gpu_hour_low / c.usd_per_gpu_hour as memory_low,
    memory * c.usd_per_gpu_hour_high / c.usd_per_gpu_hour as memory_high,
    bandwidth * c.usd_per_gpu_hour_low / c.usd_per_gpu_hour as bandwidth_low,
    bandwidth * c.usd_per_gpu_hour_high / c.usd_per_gpu_hour as bandwidth_high,
    c.provider_count, c.day, g.architecture, g.is_coarse
from marts.cost_per_flop as c
left join core.gpu as g on c.gpu_id = g.gpu_id
where c.is_default_basis and c.commitment_months is null
order by c.usd_per_exaflop_effective, c.gpu_id

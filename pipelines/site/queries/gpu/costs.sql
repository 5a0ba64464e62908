-- One row per precision and purchase model of a GPU: what an hour of it buys, on the default basis.
-- parameter: gpu_id | the accelerator
-- gpu_id | the accelerator
-- precision | number format
-- purchase_model | on_demand, spot, reserved or capacity_block
-- usd_per_gpu_hour | middle of the providers' prices [USD/(GPU h)]
-- peak | price at the printed dense peak [USD/(PFLOP/s h)]
-- utilisation_fraction | share of the peak that training commonly reaches [1]
-- effective | price at that share of the peak [USD/(PFLOP/s h)]
-- low | low end of effective [USD/(PFLOP/s h)]
-- high | high end of effective [USD/(PFLOP/s h)]
-- memory | price of memory [USD/(GB h)]
-- bandwidth | price of memory bandwidth [USD/(TB/s h)]
-- provider_count | independent providers behind the price
-- evidence | market: three providers or more; thin: fewer
-- day | the day, with the prices at its end [UTC date]
select
    gpu_id, precision, purchase_model, usd_per_gpu_hour, usd_per_exaflop_peak * 3.6 as peak,
    utilisation_fraction, usd_per_exaflop_effective * 3.6 as effective, low * 3.6 as low,
    high * 3.6 as high, usd_per_gigabyte_hour as memory,
    usd_per_terabyte_per_second_hour as bandwidth, provider_count, evidence, day
from marts.cost_per_flop
where gpu_id = $gpu_id and is_default_basis and commitment_months is null
order by gpu_id, purchase_model, precision

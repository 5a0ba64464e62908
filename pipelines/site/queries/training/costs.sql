-- One row per model: the cost of its final training run by one method and price basis.
-- parameter: method | amortized, acquisition or rental
-- parameter: basis | vintage of rules and prices
-- model | name as Epoch AI prints it
-- model_number | place in the table of its basis; distinguishes two models of one name
-- published_on | publication of the model [date]
-- organization | comma list
-- method | amortized (hardware used up and energy), acquisition (the cluster), rental, or development (all runs and staff)
-- price_basis | clean, 2025-06, 2024-12, 2024-05 (rules and prices of that vintage, at the time of training), tracked_same_chip or tracked_h100 (our prices of the day)
-- hardware | chip, comma list where mixed
-- is_hardware_imputed | whether the chip is imputed: the most common of the year
-- training_flops | compute of the run [FLOP]
-- gpu_hours | GPU-hours that the cost is made of [GPU h]
-- gpu_hours_method | reported, quantity*time, compute/(peak*mfu) or none
-- usd_per_gpu_hour | amortized cost or rental price of a GPU-hour [USD/(GPU h)]
-- usd_nominal | the cost in money of its day [USD]
-- usd_real | the cost in money of real_month, null for tracked prices [USD]
-- real_month | month whose money usd_real is in
-- low | 5th percentile of the nominal cost [USD]
-- high | 95th percentile of the nominal cost [USD]
-- chip_usd | chips, in money of its day [USD]
-- server_usd | the rest of the servers [USD]
-- interconnect_usd | network of the cluster [USD]
-- energy_usd | electricity [USD]
-- energy_kwh | electricity [kWh]
-- confidence | high, medium or low: how much rests on reported figures
-- compute_rank | rank by compute among notable models up to its publication, null where it was not ranked
-- day | the day whose prices are used: start of training, or the tracked day [date]
-- source_url | the paper or page of the model. Data: Epoch AI, epoch.ai, CC BY 4.0
select
    model, model_number, published_on, organization, method, price_basis, hardware,
    is_hardware_imputed, training_flops, gpu_hours, gpu_hours_method, usd_per_gpu_hour,
    usd_nominal, usd_real, real_month, low, high, chip_usd, server_usd, interconnect_usd,
    energy_usd, energy_kwh, confidence, compute_rank, day, source_url
from marts.training_cost
where method = $method and price_basis = $basis and usd_nominal is not null
order by usd_real desc, model

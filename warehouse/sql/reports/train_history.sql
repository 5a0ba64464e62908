-- One row per method and price at which the training of a model is costed.
-- method | amortized, acquisition, rental or development
-- price_basis | vintage of the rules, or tracked prices
-- day | day of the prices, or the start of training [date]
-- hardware | the chip
-- gpu_id | the accelerator, null where it is not in core.gpu
-- gpu_hours | GPU-hours of the run [GPU h]
-- usd_nominal | cost in money of its time [USD]
-- usd_real | cost in money of real_month [USD]
-- real_month | month of the money of usd_real
-- low | low end of the 90 % interval of usd_nominal [USD]
-- high | high end of the 90 % interval [USD]
-- low_80 | low end of the 80 % interval [USD]
-- high_80 | high end of the 80 % interval [USD]
-- energy_kwh | energy of the run [kWh]
-- carbon_kg | location-based emissions [kgCO2e]
-- confidence | high, medium or low
-- reason | why there is no cost, null where there is one
-- source_url | where the run is described
-- model | the model
-- parameter: model | the model, as Epoch AI prints it
select method, price_basis, day, hardware, gpu_id, gpu_hours, usd_nominal, usd_real, real_month,
    low, high, low_80, high_80, energy_kwh, carbon_kg, confidence, reason, source_url, model
from marts.training_cost
where model = $model
order by method, price_basis

-- The napkin model of cost_engine.napkin: two FLOPs a parameter and token, a peak and a price. It reads no table.
create or replace macro napkin_flops(parameters, tokens := 1) as
    cast(2 as double) * parameters * tokens;

create or replace macro napkin_seconds(flops, flops_per_second, utilisation_fraction := 1.0) as
    cast(flops as double) / (flops_per_second * utilisation_fraction);

create or replace macro napkin_usd(
    flops, flops_per_second, usd_per_gpu_hour, utilisation_fraction := 1.0
) as cast(flops as double) / (flops_per_second * utilisation_fraction) / 3600 * usd_per_gpu_hour;

create or replace macro napkin_usd_per_1k_tokens(
    parameters, flops_per_second, usd_per_gpu_hour, utilisation_fraction := 1.0
) as cast(2000 as double) * parameters / (flops_per_second * utilisation_fraction) / 3600
    * usd_per_gpu_hour;

-- The napkin model of cost_engine.napkin: a peak and a price. It reads no table.

-- Operations of reading or writing tokens: two a parameter and token.
create or replace macro napkin_flops(parameters, tokens := 1) as
    cast(2 as double) * parameters * tokens;

-- Seconds that operations take at a peak [FLOP/s] and a utilisation.
create or replace macro napkin_seconds(flops, flops_per_second, utilisation_fraction := 1.0) as
    cast(flops as double) / (flops_per_second * utilisation_fraction);

-- USD of operations at a peak, a price and a utilisation.
create or replace macro napkin_usd(
    flops, flops_per_second, usd_per_gpu_hour, utilisation_fraction := 1.0
) as cast(flops as double) / (flops_per_second * utilisation_fraction) / seconds_per_hour()
    * usd_per_gpu_hour;

-- USD per 1,000 tokens by the napkin: two operations a parameter and token.
create or replace macro napkin_usd_per_1k_tokens(
    parameters, flops_per_second, usd_per_gpu_hour, utilisation_fraction := 1.0
) as cast(2000 as double) * parameters / (flops_per_second * utilisation_fraction) / seconds_per_hour()
    * usd_per_gpu_hour;

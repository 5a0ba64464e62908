-- One row per quantity and precision: how fast chips improve.
-- quantity | flops_per_second, flops_per_second_per_watt, flops_per_second_per_purchase_usd or flops_per_second_per_rental_usd_per_hour
-- precision | number format
-- growth_per_year | factor a year, least squares on the logarithm [1/year]
-- ci_low | lower end of its interval [1/year]
-- ci_high | upper end of its interval [1/year]
-- ci_level | level of the interval [1]
-- years_to_double | ln 2 over the slope; null where it does not grow [year]
-- gpu_count | accelerators in the fit
-- r_squared | share of the variance explained [1]
-- first_released_on | oldest of them [date]
-- last_released_on | newest of them [date]
-- priced_on | day of the rental prices, null for the others [date]
select quantity, precision, growth_per_year, ci_low, ci_high, ci_level, years_to_double,
    gpu_count, r_squared, first_released_on, last_released_on, priced_on
from marts.flop_trend
order by quantity, precision

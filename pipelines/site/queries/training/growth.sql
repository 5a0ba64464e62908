-- One row per selection, method, price basis and confidence level: the growth of training cost.
-- selection | top N: models among the first N of their time by compute
-- method | amortized, acquisition or rental
-- price_basis | vintage of rules and prices
-- growth_per_year | factor by which real cost grows in a year [1]
-- ci_low | low end of its confidence interval [1]
-- ci_high | high end of its confidence interval [1]
-- ci_level | confidence level [1]
-- model_count | models fitted
-- r_squared | share of the variance explained [1]
-- slope_orders_per_year | slope of log10(cost) [OOM/year]
-- residual_deviation_orders | standard deviation of the residuals [OOM]
-- usd_2027_mean | cost on the line at the start of 2027 [USD]
-- usd_1e9_reached_mean_on | when the line reaches 1e9 USD [date]
-- usd_1e9_reached_anchored_on | when growth from the most expensive model reaches 1e9 USD [date]
-- real_month | month whose money the costs are in
-- is_imputed_hardware_counted | whether models with an imputed chip are included
select
    selection, method, price_basis, growth_per_year, ci_low, ci_high, ci_level, model_count,
    r_squared, slope_orders_per_year, residual_deviation_orders, usd_2027_mean,
    usd_1e9_reached_mean_on, usd_1e9_reached_anchored_on, real_month,
    is_imputed_hardware_counted
from marts.training_cost_trend
order by method, price_basis, selection, ci_level

-- One row per uncertain input: its share of the variance of training cost.
-- factor | hours, quantity, time, compute, utilisation, price, hardware_imputed, server_overhead, interconnect, trend, start, power, pue or electricity
-- share | mean share of the variance over all models [%]
-- low | smallest share of a model that has it [%]
-- high | largest share of a model [%]
-- model_count | models for which the input matters
select
    factor,
    -- a model that an input does not matter to has no row for it
    100 * sum(variance_share_fraction)
    / (select count(distinct (model, published_on)) from marts.training_sensitivity) as share,
    100 * min(variance_share_fraction) as low, 100 * max(variance_share_fraction) as high,
    count(*) as model_count
from marts.training_sensitivity
group by factor
order by share desc

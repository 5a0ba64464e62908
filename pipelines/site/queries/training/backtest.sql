-- One row per case and quantity: our value beside the published one.
-- case_id | id of the case
-- model | name as Epoch AI prints it
-- quantity | gpu_hours, energy_kwh, rental_usd, rental_real_usd, acquisition_usd, development_usd or stated_price_usd
-- unit | unit of both
-- predicted | our value [unit]
-- reported | the published value, or the low end of a range [unit]
-- reported_high | high end of a published range [unit]
-- ratio | predicted over reported, 1 inside a reported range [1]
-- tolerance_ratio | largest ratio, either way, that passes [1]
-- is_within_tolerance | whether the ratio is within the tolerance
-- low | 5th percentile of our value [unit]
-- high | 95th percentile of our value [unit]
-- is_covered | whether our interval meets the published value
-- price_basis | vintage of rules and prices of our value
-- source | the publisher of the value
-- source_url | where the figure is published
-- note | remark on the figure
select
    case_id, model, quantity, unit, predicted, reported, reported_high, ratio,
    tolerance_ratio, is_within_tolerance, low, high, is_covered, price_basis, source,
    source_url, note
from marts.training_backtest
order by quantity, model, case_id

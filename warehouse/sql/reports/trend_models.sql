-- One row per model that has a cost by a method, for a trend over models of one's own choice.
-- model | as Epoch AI prints it
-- published_on | date of publication [date]
-- organization | who trained it
-- country | where
-- parameters | [parameter]
-- training_flops | compute of the run [FLOP]
-- compute_rank | place by compute among the models of its time
-- hardware | the chip
-- gpu_id | the accelerator, null where it is not in core.gpu
-- is_hardware_imputed | whether the chip is a guess: the most common one of the year
-- gpu_hours | GPU-hours of the run [GPU h]
-- gpu_hours_method | how they are known
-- confidence | high, medium or low
-- usd_real | cost in money of real_month [USD]
-- real_month | month of that money
-- parameter: method | amortized, acquisition or rental
-- parameter: price_basis | vintage of the rules
with run as (
    select model, any_value(country) as country, any_value(parameters) as parameters
    from core.training_run
    group by model
)
select
    c.model, c.published_on, c.organization, r.country, r.parameters, c.training_flops,
    c.compute_rank, c.hardware, c.gpu_id, c.is_hardware_imputed, c.gpu_hours, c.gpu_hours_method,
    c.confidence, c.usd_real, c.real_month
from marts.training_cost as c
left join run as r on c.model = r.model
where
    c.method = $method and c.price_basis = $price_basis
    and c.published_on is not null and c.usd_real is not null
order by c.published_on, c.model

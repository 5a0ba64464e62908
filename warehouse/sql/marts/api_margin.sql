-- One row per reference model, API provider and day: its list price against what serving the model costs.
-- model_id | the model served
-- api_source_id | the price list
-- api_provider_id | who serves it
-- api_model_id | the model as printed
-- day | the day, prices as they stood at its end [UTC date]
-- gpu_price_day | the day of the GPU price: the last of that month with prices [UTC date]
-- is_relisted | true where the provider re-lists the hosts of others
-- usd_per_million_tokens_listed | list price, three tokens in for one out [USD/10^6 token]
-- gpu_id | the accelerator of the cheapest set, data-centre parts only
-- gpu_count | GPUs of that set [GPU]
-- precision | number format of the weights on that set
-- purchase_model | how the GPUs are rented
-- workload_id | the request: three tokens in for one out
-- service_level_id | the pace that is kept
-- usd_per_gpu_hour | price of one GPU [USD/(GPU h)]
-- utilisation_fraction | mean over peak demand of a fleet sized for its peak [1]
-- usd_per_million_tokens_cost | predicted cost at that utilisation [USD/10^6 token]
-- cost_low | lower end of 80 % of the cost [USD/10^6 token]
-- cost_high | upper end of 80 % of the cost [USD/10^6 token]
-- margin_fraction | 1 - cost / price: the share of the price that is left, negative where it loses [1]
-- margin_low | the same at the high cost [1]
-- margin_high | the same at the low cost [1]
-- markup_fraction | price / cost - 1: what is put on top of the cost; not the margin [1]
-- break_even_tokens_per_day | tokens a day from which renting the set is cheaper than buying [token/day]
-- capacity_tokens_per_day | what the set can serve in a day [token/day]
-- check: select model_id, api_source_id, api_provider_id, api_model_id, day from {this} group by all having count(*) > 1
-- check: select * from {this} where not (margin_low <= margin_fraction + 1e-12 and margin_fraction <= margin_high + 1e-12 and margin_fraction < 1)
with cheapest as (
    select *
    from marts.inference_cost
    where workload_id = 'balanced' and service_level_id = 'interactive'
        and purchase_model = 'on_demand' and is_cheapest_set
        -- what companies serve from: the accelerators whose all-in facility power is published
        and gpu_id in (select gpu_id from core.gpu where facility_power_watts is not null)
    qualify row_number() over (
        partition by model_id, day order by usd_per_1k_tokens, gpu_id, gpu_count, precision
    ) = 1
),
listed as (
    select *
    from marts.api_price
    where variant is null and relation = 'same' and usd_per_million_tokens_blended > 0
        and not coalesce(is_deprecated, false)
    -- A provider that prints the same model twice counts once, at its lower price.
    qualify row_number() over (
        partition by api_source_id, api_provider_id, api_model_id, day
        order by usd_per_million_tokens_blended
    ) = 1
)
select
    l.model_id,
    l.api_source_id,
    l.api_provider_id,
    l.api_model_id,
    l.day,
    c.day as gpu_price_day,
    l.is_relisted,
    l.usd_per_million_tokens_blended as usd_per_million_tokens_listed,
    c.gpu_id,
    c.gpu_count,
    c.precision,
    c.purchase_model,
    c.workload_id,
    c.service_level_id,
    c.usd_per_gpu_hour,
    c.utilisation_fraction,
    c.usd_per_1k_tokens_provisioned * 1000 as usd_per_million_tokens_cost,
    c.low / c.utilisation_fraction * 1000 as cost_low,
    c.high / c.utilisation_fraction * 1000 as cost_high,
    1 - c.usd_per_1k_tokens_provisioned * 1000 / l.usd_per_million_tokens_blended
        as margin_fraction,
    1 - c.high / c.utilisation_fraction * 1000 / l.usd_per_million_tokens_blended as margin_low,
    1 - c.low / c.utilisation_fraction * 1000 / l.usd_per_million_tokens_blended as margin_high,
    l.usd_per_million_tokens_blended / (c.usd_per_1k_tokens_provisioned * 1000) - 1
        as markup_fraction,
    c.usd_per_gpu_hour * c.gpu_count * 24 / l.usd_per_million_tokens_blended * 1e6
        as break_even_tokens_per_day,
    c.tokens_per_second_per_gpu * c.gpu_count * 86400 as capacity_tokens_per_day
from listed as l
inner join cheapest as c
    on
        l.model_id = c.model_id
        and date_trunc('month', l.day) = date_trunc('month', c.day)

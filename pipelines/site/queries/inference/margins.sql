-- One row per model and API price, on the newest day with a cost on GPUs rented on demand.
-- model_id | the model served
-- api_provider_id | the API provider
-- api_source_id | the price list
-- api_model_id | the model as printed
-- is_relisted | true where the provider re-lists the hosts of others
-- listed | list price, three tokens in for one out [USD/10^6 token]
-- cost | predicted cost at that utilisation [USD/10^6 token]
-- cost_low | lower end of 80 % of the cost [USD/10^6 token]
-- cost_high | upper end of 80 % of the cost [USD/10^6 token]
-- margin_fraction | 1 - cost / price: share of the price left over, negative at a loss [1]
-- margin_low | margin_fraction at the high end of the cost [1]
-- margin_high | margin_fraction at the low end of the cost [1]
-- gpu_id | the accelerator
-- gpu_count | GPUs of that set [GPU]
-- precision | number format
-- priced_workload | the request: three tokens in for one out
-- service_level_id | the pace that is kept
-- market_family | whose prices of the GPUs are used
-- fleet_utilisation_fraction | mean over peak demand of a fleet sized for its peak [1]
-- margin_fraction_cached | the same margin with a share of the prompts in a cache, at its price [1]
-- owned_cost | predicted cost on a cluster of one's own [USD/10^6 token]
-- owned_margin_fraction | margin over it [1]
-- break_even_tokens_per_day | tokens a day from which renting the set is cheaper than buying [token/day]
-- capacity_tokens_per_day | what the set can serve in a day [token/day]
-- provider_count | independent providers behind the price of the GPU
-- day | the day, with the prices at its end [UTC date]
select
    m.model_id, m.api_provider_id, m.api_source_id, m.api_model_id, m.is_relisted,
    m.usd_per_million_tokens_listed as listed, m.usd_per_million_tokens_cost as cost,
    m.cost_low, m.cost_high, m.margin_fraction, m.margin_low, m.margin_high, m.gpu_id,
    m.gpu_count, m.precision, m.workload as priced_workload, m.service_level_id, m.market_family,
    m.fleet_utilisation_fraction, m.margin_fraction_cached,
    o.usd_per_million_tokens_cost as owned_cost, o.margin_fraction as owned_margin_fraction,
    m.break_even_tokens_per_day, m.capacity_tokens_per_day, m.provider_count, m.day
from marts.api_margin as m
left join marts.api_margin as o
    on
        m.model_id = o.model_id and m.api_provider_id = o.api_provider_id and m.day = o.day
        and o.scenario_id = 'own_cluster'
where m.scenario_id = 'on_demand' and m.margin_fraction is not null
    and m.day = (
        select max(day)
        from marts.api_margin
        where scenario_id = 'on_demand' and margin_fraction is not null
    )
order by
    m.is_relisted, m.model_id, m.usd_per_million_tokens_listed, m.api_provider_id, m.api_model_id

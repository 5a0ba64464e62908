-- One row per model: what its providers ask for a million tokens on plain endpoints, today.
-- model_id | the reference model
-- usd_per_million_input_tokens | median of the providers [USD/10^6 token]
-- usd_per_million_output_tokens | median of the providers [USD/10^6 token]
-- provider_count | providers with a list price
select
    model_id, median(usd_per_million_input_tokens) as usd_per_million_input_tokens,
    median(usd_per_million_output_tokens) as usd_per_million_output_tokens,
    count(distinct api_provider_id) as provider_count
from marts.api_price
where is_plain and is_confirmed and not is_relisted and relation = 'same' and model_id is not null
    and usd_per_million_output_tokens > 0 and day = (select max(day) from marts.api_price)
group by model_id
order by model_id

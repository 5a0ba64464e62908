-- One row per provider, variant, length of the prompt and price: what the tokens of a model cost by API, cheapest first.
-- api_provider_id | who serves the model
-- api_model_id | the model as printed
-- variant | free, batch, priority, flex or off_peak; null for the plain endpoint
-- above_input_tokens | the price holds for longer prompts only; null where it holds for the shortest [token]
-- up_to_input_tokens | the longest prompt for which the price holds; null where the list names no limit [token]
-- usd_per_million_input_tokens | list price of input [USD/10^6 token]
-- usd_per_million_output_tokens | list price of output [USD/10^6 token]
-- usd_per_million_cache_read_tokens | list price of input read from a cache; null where the list has none [USD/10^6 token]
-- usd_per_million_cache_write_tokens | list price of input written to a cache; null where the list has none [USD/10^6 token]
-- context_tokens | longest context of the endpoint [token]
-- valid_from | since when the price has been valid, as far as captures show [UTC]
-- confirmed_at | since when it has been valid, or when another list printed it too [UTC]
-- age_days | from then to the newest day of the lists [d]
-- is_confirmed | whether that is recent enough that the endpoint is likely there
-- is_deprecated | true where a list marks it as deprecated
-- is_relisted | true where the provider re-lists the hosts of others
-- listing_count | lists and names that print this price [1]
-- api_source_id | a price list that prints it
-- source_url | its address
-- parameter: model_id | the reference model; null asks by api_model
-- parameter: api_model | the last part of the name that price lists print, in small letters
-- parameter: with_doubtful | whether to list deprecated, unconfirmed and re-listed prices, too
with newest as (
    select max(day) as day from marts.api_price
),
named as (
    select p.*
    from marts.api_price as p
    inner join newest as n on p.day = n.day
    where
        p.modality is null
        and case
            when $model_id is not null then p.model_id = $model_id and p.relation = 'same'
            else lower(regexp_extract(p.api_model_id, '([^/@]+)(@[^/]*)?$', 1)) = $api_model
        end
),
listed as (
    select
        api_provider_id, variant, above_input_tokens, up_to_input_tokens,
        usd_per_million_input_tokens, usd_per_million_output_tokens,
        usd_per_million_cache_read_tokens, usd_per_million_cache_write_tokens,
        arg_max(api_model_id, (valid_from, api_model_id)) as api_model_id,
        max(context_tokens) as context_tokens,
        min(valid_from) as valid_from,
        max(confirmed_at) as confirmed_at,
        bool_or(is_confirmed) as is_confirmed,
        coalesce(bool_or(is_deprecated), false) as is_deprecated,
        bool_or(is_relisted) as is_relisted,
        count(*) as listing_count,
        arg_max(api_source_id, (valid_from, api_source_id)) as api_source_id,
        arg_max(source_url, (valid_from, api_source_id)) as source_url
    from named
    group by
        api_provider_id, variant, above_input_tokens, up_to_input_tokens,
        usd_per_million_input_tokens, usd_per_million_output_tokens,
        usd_per_million_cache_read_tokens, usd_per_million_cache_write_tokens
)
select
    l.api_provider_id, l.api_model_id, l.variant, l.above_input_tokens, l.up_to_input_tokens,
    l.usd_per_million_input_tokens, l.usd_per_million_output_tokens,
    l.usd_per_million_cache_read_tokens, l.usd_per_million_cache_write_tokens,
    l.context_tokens, l.valid_from, l.confirmed_at,
    date_diff('day', l.confirmed_at, n.day + interval 1 day) as age_days,
    l.is_confirmed, l.is_deprecated, l.is_relisted, l.listing_count, l.api_source_id, l.source_url
from listed as l
cross join newest as n
where $with_doubtful or (l.is_confirmed and not l.is_deprecated and not l.is_relisted)
order by
    l.is_deprecated, not l.is_confirmed, l.is_relisted,
    3 * l.usd_per_million_input_tokens + l.usd_per_million_output_tokens nulls last,
    l.api_provider_id, l.variant nulls first, l.above_input_tokens nulls first, l.api_model_id

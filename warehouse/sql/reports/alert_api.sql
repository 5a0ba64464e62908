-- One row per provider that lists a model at its plain endpoint: its price now, and some days ago.
-- provider_id | the API provider
-- value | its price now [USD/10^6 token]
-- then_value | the price of the same listing then; null where it was not listed [USD/10^6 token]
-- valid_from | since when the price has been valid [UTC]
-- confirmed_at | since when, or when another list printed it too [UTC]
-- is_alive | false where the price is old and unconfirmed, deprecated, or re-listed from another host
-- parameter: model_id | the model
-- parameter: provider_id | only this provider; any, if null
-- parameter: tokens | blended (three in, one out), input or output
-- parameter: over_days | how long ago [d]
with newest as (
    select max(day) as day from marts.api_price
),
listed as (
    select
        p.*,
        case $tokens
            when 'input' then p.usd_per_million_input_tokens
            when 'output' then p.usd_per_million_output_tokens
            else p.usd_per_million_tokens_blended
        end as usd
    from marts.api_price as p
    inner join newest as n on p.day = n.day
    where
        p.model_id = $model_id and p.relation = 'same' and p.is_plain
        and ($provider_id is null or p.api_provider_id = $provider_id)
),
chosen as (
    select *, is_confirmed and not is_relisted and is_deprecated is distinct from true as is_alive
    from listed
    where usd > 0
    qualify row_number() over (
        partition by api_provider_id
        order by
            is_confirmed and not is_relisted and is_deprecated is distinct from true desc, usd,
            api_source_id, api_model_id
    ) = 1
)
select
    c.api_provider_id as provider_id,
    c.usd as "value",
    case $tokens
        when 'input' then t.usd_per_million_input_tokens
        when 'output' then t.usd_per_million_output_tokens
        else (3 * t.usd_per_million_input_tokens + t.usd_per_million_output_tokens) / 4
    end as then_value,
    c.valid_from,
    c.confirmed_at,
    c.is_alive
from chosen as c
cross join newest as n
left join core.api_price as t
    on
        c.api_source_id = t.source_id and c.api_provider_id = t.api_provider_id
        and c.api_model_id = t.api_model_id and t.variant is null
        and t.above_input_tokens is null and t.modality is null and t.superseded_at is null
        and t.valid_from < n.day + interval 1 day - to_days($over_days)
        and (t.valid_to is null or t.valid_to >= n.day + interval 1 day - to_days($over_days))
qualify row_number() over (partition by c.api_provider_id order by t.valid_from desc nulls last) = 1
order by c.usd, c.api_provider_id

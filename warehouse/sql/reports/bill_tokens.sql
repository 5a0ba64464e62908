-- One row per service, region, model and kind of token of a bill, beside API prices.
-- service | the service, as billed
-- region | the region, as billed; any, where there is none
-- api_provider_id | who serves the model
-- model | the model, as a price list of the provider prints it
-- kind | input, output, cache_read or cache_write
-- variant | batch, priority or flex; null for the plain endpoint
-- token_count | tokens billed, net of corrections [token]
-- paid_usd | what was paid for them, net of corrections, credits and refunds [USD]
-- paid_usd_per_million_tokens | what was paid for a million [USD/10^6 token]
-- list_usd_per_million_tokens | lowest list price of the provider on the days of the charges, for prompts of any length [USD/10^6 token]
-- above_fraction | paid above the list price, negative below it [1]
-- above_usd | paid above the list price, negative below it [USD]
-- cheapest_usd_per_million_tokens | lowest plain list price of any provider on the last of these days, for the same model; null where it is not in core.model [USD/10^6 token]
-- cheapest_api_provider_id | who asks it
-- items | items of the bill
-- reason | why they cannot be compared, null where they are
-- depends on: core.api_price, core.model_alias, marts.api_price
with item as (
    select
        i.*, t.api_provider_id, t.api_model_ids, t.model, t.kind, t.variant, t.tokens_per_unit,
        i.quantity * t.tokens_per_unit as token_count
    from bill_item as i
    left join bill_provider as p on i.provider_printed = p.provider_printed
    inner join bill_token as t
        on case p.provider_id
            when 'gcp' then 'google' else coalesce(p.provider_id, lower(i.provider_printed))
        end = t.api_provider_id
        and i.service is not distinct from t.service
        and i.meter is not distinct from t.meter
        and i.unit is not distinct from t.unit
),
-- The price of each kind of token at the end of a day.
listed as (
    select
        api_provider_id, api_model_id, variant, valid_from, valid_to,
        unnest(['input', 'output', 'cache_read', 'cache_write']) as kind,
        unnest([
            usd_per_million_input_tokens, usd_per_million_output_tokens,
            usd_per_million_cache_read_tokens, usd_per_million_cache_write_tokens
        ]) as usd_per_million_tokens
    from core.api_price
    where superseded_at is null and above_input_tokens is null and modality is null
),
wanted as (
    select distinct api_provider_id, api_model_ids, kind, variant, day from item where day is not null
),
answered as (
    select w.*, min(l.usd_per_million_tokens) as list_usd_per_million_tokens
    from wanted as w
    inner join listed as l
        on w.api_provider_id = l.api_provider_id and w.kind = l.kind
        and w.variant is not distinct from l.variant
        and list_contains(w.api_model_ids, l.api_model_id)
        and l.valid_from < w.day + interval 1 day
        and coalesce(l.valid_to >= w.day + interval 1 day, true)
    where l.usd_per_million_tokens is not null
    group by all
),
priced as (
    select
        i.*, a.list_usd_per_million_tokens,
        case
            when i.currency <> 'USD' then 'not in US dollars: ' || i.currency
            when i.day is null then 'no day'
            when i.cost is null then 'number not read: ' || coalesce(i.cost_printed, '(none)')
            when i.tokens_per_unit is null
                then 'unit is no count of tokens: ' || coalesce(i.unit, '(none)')
            when i.quantity is null
                then 'number not read: ' || coalesce(i.quantity_printed, '(none)')
            when a.list_usd_per_million_tokens is null then 'no list price on that day'
        end as reason
    from item as i
    left join answered as a
        on i.api_provider_id = a.api_provider_id and i.api_model_ids = a.api_model_ids
        and i.kind = a.kind and i.variant is not distinct from a.variant and i.day = a.day
),
net as (
    select
        service, region, api_provider_id, model, any_value(api_model_ids) as api_model_ids, kind,
        variant, reason,
        -- A credit repeats the quantity of the usage that it pays for.
        fsum(token_count) filter (lower(category) not in ('credit', 'adjustment')) as token_count,
        fsum(cost) as paid_usd,
        fsum(token_count * list_usd_per_million_tokens / 1e6)
            filter (lower(category) not in ('credit', 'adjustment')) as list_usd,
        max(day) as last_day,
        count(*) as items
    from priced
    group by service, region, api_provider_id, model, kind, variant, reason
),
-- The same model at any provider, by the names that are known of it.
reference as (
    select n.api_provider_id, n.model, min(p.model_id) as model_id
    from net as n
    inner join marts.api_price as p
        on n.api_provider_id = p.api_provider_id and list_contains(n.api_model_ids, p.api_model_id)
    where p.model_id is not null and p.relation = 'same'
    group by n.api_provider_id, n.model
    having count(distinct p.model_id) = 1
),
cheapest as (
    select
        r.api_provider_id, r.model, n.kind, n.last_day,
        arg_min(
            {'usd': l.usd_per_million_tokens, 'who': l.api_provider_id},
            (l.usd_per_million_tokens, l.api_provider_id)
        ) as offer
    from reference as r
    inner join (select distinct api_provider_id, model, kind, last_day from net) as n
        on r.api_provider_id = n.api_provider_id and r.model = n.model
    inner join (
        select distinct api_provider_id, api_model_id, model_id from marts.api_price
        where is_plain and relation = 'same' and not coalesce(is_relisted, false)
    ) as s on r.model_id = s.model_id
    inner join listed as l
        on s.api_provider_id = l.api_provider_id and s.api_model_id = l.api_model_id
        and n.kind = l.kind and l.variant is null and l.usd_per_million_tokens > 0
        and l.valid_from < n.last_day + interval 1 day
        and coalesce(l.valid_to >= n.last_day + interval 1 day, true)
    group by all
)
select
    n.service, n.region, n.api_provider_id, n.model, n.kind, n.variant,
    n.token_count, round(n.paid_usd, 9) + 0.0 as paid_usd,
    case when n.reason is null and n.token_count > 0 then n.paid_usd / n.token_count * 1e6 end
        as paid_usd_per_million_tokens,
    case when n.reason is null and n.token_count > 0 then n.list_usd / n.token_count * 1e6 end
        as list_usd_per_million_tokens,
    case when n.reason is null and n.list_usd > 0 then n.paid_usd / n.list_usd - 1 end
        as above_fraction,
    case when n.reason is null and n.list_usd > 0 then n.paid_usd - n.list_usd end as above_usd,
    c.offer.usd as cheapest_usd_per_million_tokens,
    c.offer.who as cheapest_api_provider_id,
    n.items,
    n.reason
from net as n
left join cheapest as c
    on n.api_provider_id = c.api_provider_id and n.model = c.model and n.kind = c.kind
    and n.last_day = c.last_day and n.reason is null
order by n.reason nulls first, n.paid_usd desc, n.service, n.region, n.model, n.kind, n.variant

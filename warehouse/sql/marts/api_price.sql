-- One row per price list, API provider, model, condition and day (month ends and the newest).
-- api_source_id | the price list
-- api_provider_id | who serves the model
-- api_model_id | the model as printed
-- model_id | the reference model, null where the printed one is not in core.model
-- relation | same, or fine_tune of the reference model
-- variant | free, batch, priority, flex or off_peak; null for the plain endpoint
-- above_input_tokens | the price holds for longer prompts only; null where it holds for the shortest [token]
-- up_to_input_tokens | the longest prompt for which the price holds; null where the list names no limit [token]
-- modality | audio, image or video, of the tokens priced; null for text
-- is_plain | true for the price of text at the plain endpoint for the shortest prompts: what tables of margins use
-- day | the day, with the prices at its end [UTC date]
-- usd_per_million_input_tokens | list price of input [USD/10^6 token]
-- usd_per_million_output_tokens | list price of output [USD/10^6 token]
-- usd_per_million_cache_read_tokens | list price of input read from a cache [USD/10^6 token]
-- usd_per_million_cache_write_tokens | list price of input written to a cache [USD/10^6 token]
-- usd_per_million_tokens_blended | three parts input, one part output [USD/10^6 token]
-- context_tokens | longest context of the endpoint [token]
-- is_deprecated | true where the list marks it as deprecated
-- is_relisted | true where the provider id re-lists the hosts of others (openrouter, gateways)
-- valid_from | since when the price has been valid, as far as captures show [UTC]
-- confirmed_at | since when the price has been valid, or the last moment at which another list showed it too, within 25 % [UTC]
-- is_confirmed | whether that is at most 270 days before the day, and the list is not frozen by then unless another that is not shows the price: an old price that no other list prints may be of an endpoint that is gone
-- source_url | the address that was asked
-- payload_sha256 | hash of the bytes
-- check: each row is there once: select api_source_id, api_provider_id, api_model_id, variant, above_input_tokens, modality, day from {this} group by all having count(*) > 1
-- check: no price is below zero: select * from {this} where usd_per_million_input_tokens < 0 or usd_per_million_output_tokens < 0
with named as (
    select lower(model_name_printed) as folded, min(model_id) as model_id,
        min(relation) as relation
    from core.model_alias
    where source_family = 'api'
    group by lower(model_name_printed)
    having count(distinct model_id) = 1
),
-- When a list last showed something new: a first-party one with every answer, others with new bytes.
shown as (
    select
        c.source_id,
        max(case when s.is_first_party then c.last_good_at else c.content_changed_at end)
            as shown_at,
        max(s.frozen_after_hours) as frozen_after_hours
    from staged.scope_latest as c
    inner join meta.source as s on c.source_id = s.source_id
    group by c.source_id
),
listed as (
    select
        p.source_id as api_source_id,
        p.api_provider_id,
        p.api_model_id,
        n.model_id,
        n.relation,
        p.variant,
        p.above_input_tokens,
        lead(p.above_input_tokens) over (
            partition by
                p.source_id, p.api_provider_id, p.api_model_id, p.variant, p.modality, d.day
            order by coalesce(p.above_input_tokens, 0)
        ) as up_to_input_tokens,
        p.modality,
        p.variant is null and p.above_input_tokens is null and p.modality is null as is_plain,
        d.day,
        p.usd_per_million_input_tokens,
        p.usd_per_million_output_tokens,
        p.usd_per_million_cache_read_tokens,
        p.usd_per_million_cache_write_tokens,
        (3 * p.usd_per_million_input_tokens + p.usd_per_million_output_tokens) / 4
            as usd_per_million_tokens_blended,
        p.context_tokens,
        p.is_deprecated,
        p.api_provider_id in ('openrouter', 'vercel_ai_gateway', 'aihubmix', 'kyma')
        or starts_with(p.api_provider_id, 'huggingface') as is_relisted,
        lower(regexp_extract(p.api_model_id, '([^/@]+)(@[^/]*)?$', 1)) as folded_model,
        p.valid_from,
        p.source_url,
        p.payload_sha256,
        least(coalesce(s.shown_at, d.day), d.day) as shown_at,
        coalesce(s.shown_at + to_hours(s.frozen_after_hours) < d.day, false) as is_frozen
    from core.api_price as p
    inner join staged.api_price_day as d
        on
            p.valid_from < d.day + interval 1 day
            and (p.valid_to is null or p.valid_to >= d.day + interval 1 day)
    left join named as n on lower(p.api_model_id) = n.folded
    left join shown as s on p.source_id = s.source_id
    where p.superseded_at is null
),
-- What other lists print for the same model of the same provider on the same day.
witnessed as (
    select
        a.api_source_id, a.api_provider_id, a.api_model_id, a.day,
        max(b.shown_at) as shown_at,
        bool_or(not b.is_frozen) as is_shown_now
    from listed as a
    inner join listed as b
        on
            a.api_provider_id = b.api_provider_id and a.folded_model = b.folded_model
            and a.day = b.day and a.api_source_id <> b.api_source_id
    where
        a.is_plain and b.is_plain
        and a.usd_per_million_tokens_blended > 0 and b.usd_per_million_tokens_blended > 0
        and abs(ln(a.usd_per_million_tokens_blended / b.usd_per_million_tokens_blended)) <= ln(1.25)
    group by a.api_source_id, a.api_provider_id, a.api_model_id, a.day
)
select
    l.api_source_id,
    l.api_provider_id,
    l.api_model_id,
    l.model_id,
    l.relation,
    l.variant,
    l.above_input_tokens,
    l.up_to_input_tokens,
    l.modality,
    l.is_plain,
    l.day,
    l.usd_per_million_input_tokens,
    l.usd_per_million_output_tokens,
    l.usd_per_million_cache_read_tokens,
    l.usd_per_million_cache_write_tokens,
    l.usd_per_million_tokens_blended,
    l.context_tokens,
    l.is_deprecated,
    l.is_relisted,
    l.valid_from,
    greatest(l.valid_from, w.shown_at) as confirmed_at,
    greatest(l.valid_from, w.shown_at) >= l.day - interval 270 day
    and (not l.is_frozen or coalesce(w.is_shown_now, false)) as is_confirmed,
    l.source_url,
    l.payload_sha256
from listed as l
left join witnessed as w
    on
        l.is_plain and l.api_source_id = w.api_source_id
        and l.api_provider_id = w.api_provider_id and l.api_model_id = w.api_model_id
        and l.day = w.day

-- One row per token price that captures of one moment show, with what the gates compare it by.
-- Of two prices of one key, the one of the later date holds; two of one date stay for the gates.
with named as (
    select lower(model_name_printed) as folded, min(model_id) as model_id
    from core.model_alias
    where source_family = 'api' and relation = 'same'
    group by lower(model_name_printed)
    having count(distinct model_id) = 1
),
shown as (
    select a.scope_capture_id as capture_id, a.source_id, a.request_scope as request_key,
        a.seen_at, a.recorded_at, o.* exclude (
            source_id, request_key, record_kind, captured_at, filename
        ) replace (
            cast(o.usd_per_million_input_tokens as double) as usd_per_million_input_tokens,
            cast(o.usd_per_million_output_tokens as double) as usd_per_million_output_tokens,
            cast(o.usd_per_million_cache_read_tokens as double)
                as usd_per_million_cache_read_tokens,
            cast(o.usd_per_million_cache_write_tokens as double)
                as usd_per_million_cache_write_tokens
        ),
        md5(concat_ws('|', a.source_id, o.api_provider_id, o.api_model_id,
            coalesce(o.variant, ''), o.above_input_tokens, o.modality)) as api_price_key
    from observed as o
    inner join arrived as a on o.filename = a.observation_file and a.record_kind = 'api_price'
    where a.recorded_at = $recorded_at and a.seen_at = $seen_at
    qualify rank() over (
        partition by a.scope_capture_id, api_price_key order by o.price_from desc nulls last
    ) = 1
)
select s.*, n.model_id,
    regexp_replace(
        regexp_extract(lower(s.api_model_id), '([^/@]+)(@[^/]*)?$', 1), '[^a-z0-9]', '', 'g'
    ) as folded_model,
    s.variant is null and s.above_input_tokens is null and s.modality is null as is_plain,
    (3 * s.usd_per_million_input_tokens + s.usd_per_million_output_tokens) / 4
        as usd_per_million_tokens_blended
from shown as s
left join named as n on lower(s.api_model_id) = n.folded

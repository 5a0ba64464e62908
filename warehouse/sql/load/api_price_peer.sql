-- One row per plain price per token that another capture, or another list, shows at this moment.
-- capture_id is null where the price stood before: its list is not among those being loaded.
select o.capture_id, o.source_id, o.api_provider_id, o.folded_model,
    o.usd_per_million_input_tokens, o.usd_per_million_output_tokens,
    o.usd_per_million_tokens_blended
from api_price_observation as o
where o.is_plain and o.usd_per_million_tokens_blended > 0
union all
select null, p.source_id, p.api_provider_id,
    regexp_replace(
        regexp_extract(lower(p.api_model_id), '([^/@]+)(@[^/]*)?$', 1), '[^a-z0-9]', '', 'g'
    ) as folded_model,
    p.usd_per_million_input_tokens, p.usd_per_million_output_tokens,
    (3 * p.usd_per_million_input_tokens + p.usd_per_million_output_tokens) / 4 as blended
from core.api_price as p
where p.superseded_at is null and p.variant is null and p.above_input_tokens is null
    and p.modality is null and blended > 0
    and p.valid_from <= $seen_at and (p.valid_to is null or p.valid_to > $seen_at)
    and p.source_id not in (select source_id from good_api_capture)

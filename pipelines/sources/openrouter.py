"""OpenRouter's model list: US dollars per single token, as text.

-1 marks a router whose price depends on where it sends the request. Models that end in ``:free``
cost nothing and are limited; they are a variant, never the price of a model. Prices of longer
prompts and of audio are rows of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from pipelines.sources.base import (
    Held,
    Payload,
    ReadRow,
    Row,
    Source,
    four_times,
    one_request,
)
from pipelines.sources.fields import decimal_or_none, each_row, objects_at, whole_or_none
from pipelines.sources.token_prices import token_price

URL = "https://openrouter.ai/api/v1/models"
TOKENS_PER_MILLION = 10**6
FIELDS = {
    "input": "prompt",
    "output": "completion",
    "cache_read": "input_cache_read",
    "cache_write": "input_cache_write",
}
AUDIO_FIELDS = {"input": "audio", "output": "audio_output", "cache_read": "input_audio_cache"}
PRICED = {*FIELDS.values(), *AUDIO_FIELDS.values(), "input_cache_write_1h"}


def parse(payload: Payload) -> Iterator[ReadRow]:
    """Yield the prices of each model, one for each condition."""
    today = payload.seen_at.date()
    models = objects_at(payload, "data")
    yield from each_row(payload, models, lambda model: _prices(model, today))


def _prices(model: Mapping[str, Any], today: date) -> Iterator[Row]:
    name, pricing = model["id"], model["pricing"]
    fields = {
        "api_provider_id": "openrouter",
        "api_model_id": name,
        "model_name_printed": model.get("name"),
        "context_tokens": whole_or_none(model.get("context_length")),
        "is_deprecated": _has_expired(model.get("expiration_date"), today),
        "variant": "free" if name.endswith(":free") else None,
    }
    for field in FIELDS.values():
        printed = pricing.get(field)
        if (decimal_or_none(printed) or 0) < 0:
            reason = f"{field} of {name} is {printed}: it depends on the model chosen"
            yield Held(rule="price_varies", reason=reason, row=model)
            return
    yield _price(model, pricing, FIELDS, fields)
    if any(pricing.get(field) is not None for field in AUDIO_FIELDS.values()):
        yield _price(model, pricing, AUDIO_FIELDS, fields | {"modality": "audio"})
    for override in pricing.get("overrides") or []:
        above = whole_or_none(override.get("min_prompt_tokens"))
        unknown = override.keys() - {"min_prompt_tokens", *PRICED}
        if above is None or unknown:
            reason = f"an override of {name} by {sorted(override)}: when does it hold?"
            yield Held(rule="condition_unknown", reason=reason, row=model)
            continue
        longer = {**pricing, **override}
        yield _price(model, longer, FIELDS, fields | {"above_input_tokens": above})


def _price(
    model: Mapping[str, Any],
    pricing: Mapping[str, Any],
    names: Mapping[str, str],
    fields: Mapping[str, Any],
) -> Row:
    printed = {kind: (name, pricing.get(name)) for kind, name in names.items()}
    return token_price(model, printed, per_million=Decimal(TOKENS_PER_MILLION), **fields)


def _has_expired(printed: object, today: date) -> bool | None:
    try:
        return date.fromisoformat(str(printed)[:10]) <= today
    except ValueError:
        return None


SOURCE = Source(
    source_id="openrouter",
    title="OpenRouter models",
    kind="api",
    homepage_url="https://openrouter.ai/models",
    terms_url="https://openrouter.ai/terms",
    licence="terms",
    credit="Prices: OpenRouter",
    may_redistribute=False,
    allowed_hosts=("openrouter.ai",),
    requests=one_request("models", URL),
    parse=parse,
    row_of_answer="element of data",
    parser_version=2,
    verified_with="whole",
    verified_on=date(2026, 8, 1),
    reads_day=True,
    record_kind="api_price",
    expected_rows=(150, 2000),
    max_bytes=four_times(528_718),
    currency="USD",
)

"""OpenRouter's model list: US dollars per single token, as text.

-1 marks a router whose price depends on where it sends the request. Models that end in ``:free``
cost nothing and are limited; they are a variant, never the price of a model.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from pipelines.sources.base import (
    ApiPrice,
    Fetching,
    Held,
    Payload,
    Request,
    Row,
    Source,
    decimal_or_none,
    each_row,
    objects_at,
    whole_or_none,
)

URL = "https://openrouter.ai/api/v1/models"
TOKENS_PER_MILLION = 10**6


def requests(fetching: Fetching) -> list[Request]:
    """Ask for the whole list."""
    return [Request(key="models", url=URL)]


def parse(payload: Payload) -> Iterator[Row]:
    """Yield the price of each model."""
    today = payload.captured_at.date()
    models = objects_at(payload, "data")
    yield from each_row(payload, models, lambda model: iter([_price(model, today)]))


def _price(model: Mapping[str, Any], today: date) -> Row:
    name, pricing = model["id"], model["pricing"]
    amounts: list[Decimal | None] = []
    for field in ("prompt", "completion", "input_cache_read"):
        printed = pricing.get(field)
        amount = decimal_or_none(printed)
        if amount is not None and amount < 0:
            reason = f"{field} of {name} is {printed}: it depends on the model chosen"
            return Held(rule="price_varies", reason=reason, row=model)
        if amount is None and printed is not None:
            reason = f"{field} of {name} is {printed!r}"
            return Held(rule="price_not_a_number", reason=reason, row=model)
        amounts.append(None if amount is None else amount * TOKENS_PER_MILLION)
    per_input, per_output, per_cache_read = amounts
    if per_input is None and per_output is None:
        return Held(rule="price_missing", reason=f"{name} has no price per token", row=model)
    is_free = name.endswith(":free") or not (per_input or per_output)
    return ApiPrice(
        api_provider_id="openrouter",
        api_model_id=name,
        usd_per_million_input_tokens=per_input,
        usd_per_million_output_tokens=per_output,
        usd_per_million_cache_read_tokens=per_cache_read,
        model_name_printed=model.get("name"),
        context_tokens=whole_or_none(model.get("context_length")),
        variant="free" if is_free else None,
        is_deprecated=_has_expired(model.get("expiration_date"), today),
    )


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
    requests=requests,
    parse=parse,
    parser_version=1,
    reads_day=True,
    record_kind="api_price",
    expected_rows=(150, 2000),
    currency="USD",
)

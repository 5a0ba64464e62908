"""LiteLLM's price list: US dollars per single token, by client route and model.

Only modes that read and write text are taken. Prices for batches are a variant; of prices by
prompt length the base is taken. Zero on both sides is ``free``: some routes are local models.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from pipelines.sources.api_providers import api_provider_id
from pipelines.sources.base import (
    ApiPrice,
    Fetching,
    Held,
    ParseError,
    Payload,
    Request,
    Row,
    Source,
    decimal_or_none,
    each_row,
    whole_or_none,
)

URL = "https://raw.githubusercontent.com/BerriAI/litellm/main/model_prices_and_context_window.json"
TEXT_MODES = {"chat", "completion", "responses"}
TOKENS_PER_MILLION = 10**6
EXAMPLE_KEY = "sample_spec"  # documents the format; not a model
FIELDS = ("input_cost_per_token", "output_cost_per_token", "cache_read_input_token_cost")


def requests(fetching: Fetching) -> list[Request]:
    """Ask for the whole list."""
    return [Request(key="prices", url=URL)]


def parse(payload: Payload) -> Iterator[Row]:
    """Yield the price of each text model, and its price in batches where one is listed."""
    document = payload.json()
    # Some months also carry the day of the list beside the models, as text.
    entries = document if isinstance(document, dict) else {}
    entries = {name: entry for name, entry in entries.items() if not isinstance(entry, str)}
    if not entries or not all(isinstance(entry, dict) for entry in entries.values()):
        raise ParseError(f"{payload.where()}: no mapping of models; did the list change?")
    models = [
        {"model": name, **model}
        for name, model in entries.items()
        if name != EXAMPLE_KEY and model.get("mode") in TEXT_MODES
    ]
    today = payload.captured_at.date()
    yield from each_row(payload, models, lambda model: _prices(model, today))


def _prices(model: Mapping[str, Any], today: date) -> Iterator[Row]:
    tiers = model.get("tiered_pricing")
    base = {**model, **tiers[0]} if isinstance(tiers, list) and tiers else model
    yield _price(model, base, "", today)
    if any(f"{name}_batches" in model for name in FIELDS[:2]):
        yield _price(model, base, "_batches", today)


def _price(model: Mapping[str, Any], base: Mapping[str, Any], suffix: str, today: date) -> Row:
    amounts: list[Decimal | None] = []
    for name in FIELDS:
        printed = base.get(f"{name}{suffix}")
        amount = decimal_or_none(printed)
        if printed is not None and (amount is None or amount < 0):
            reason = f"{name}{suffix} is {printed!r}"
            return Held(rule="price_not_a_number", reason=reason, row=model)
        amounts.append(None if amount is None else amount * TOKENS_PER_MILLION)
    per_input, per_output, per_cache_read = amounts
    if per_input is None and per_output is None:
        reason = f"{model['model']} has no price per token"
        return Held(rule="price_missing", reason=reason, row=model)
    is_free = not per_input and not per_output
    return ApiPrice(
        api_provider_id=api_provider_id(model["litellm_provider"]),
        api_model_id=model["model"],
        usd_per_million_input_tokens=per_input,
        usd_per_million_output_tokens=per_output,
        usd_per_million_cache_read_tokens=per_cache_read,
        context_tokens=whole_or_none(model.get("max_input_tokens")),
        variant="batch" if suffix else "free" if is_free else None,
        is_deprecated=_is_deprecated(model.get("deprecation_date"), today),
    )


def _is_deprecated(printed: object, today: date) -> bool | None:
    try:
        return date.fromisoformat(str(printed)) <= today
    except ValueError:
        return None


SOURCE = Source(
    source_id="litellm",
    title="LiteLLM model prices",
    kind="feed",
    homepage_url="https://github.com/BerriAI/litellm",
    terms_url="https://github.com/BerriAI/litellm/blob/main/LICENSE",
    licence="MIT",
    credit="BerriAI/litellm (MIT)",
    may_redistribute=True,
    allowed_hosts=("raw.githubusercontent.com",),
    requests=requests,
    parse=parse,
    parser_version=2,
    reads_day=True,
    record_kind="api_price",
    expected_rows=(800, 12000),
    currency="USD",
)

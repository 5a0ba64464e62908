"""pydantic/genai-prices: token prices of models by provider, per million tokens, with dates.

A model has one price, or a list of prices of which the last whose constraint holds counts. Prices
by length of the prompt and of other modalities are rows of their own; of prices that depend on the
hour the higher is the list price and the other the variant ``off_peak``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from pipelines.sources.api_providers import api_provider_id
from pipelines.sources.base import (
    GitHistory,
    Held,
    Payload,
    ReadRow,
    Row,
    Source,
    four_times,
    one_request,
)
from pipelines.sources.fields import (
    decimal_or_none,
    each_row,
    objects_at,
    objects_in,
    whole_or_none,
)
from pipelines.sources.token_prices import MODALITIES, token_price

BASE_URL = "https://raw.githubusercontent.com/pydantic/genai-prices/main/prices"
URL = f"{BASE_URL}/new_data/v2/data_slim.json"
FORMER_URL = f"{BASE_URL}/data_slim.json"  # kept for old clients, and frozen since July 2026


def parse(payload: Payload) -> Iterator[ReadRow]:
    """Yield the price of each model that holds on the day of the capture."""
    today = payload.seen_at.date()
    models = [
        {"provider": provider.get("id"), **model}
        for provider in objects_at(payload)
        for model in objects_in(provider.get("models", provider))
    ]
    yield from each_row(payload, models, lambda model: _prices(model, today))


def _prices(model: Mapping[str, Any], today: date) -> Iterator[Row]:
    printed = model["prices"]
    conditional = printed if isinstance(printed, list) else [{"prices": printed}]
    current: tuple[date, Mapping[str, Any]] | None = None
    by_hour: list[Mapping[str, Any]] = []
    for entry in conditional:
        constraint = entry.get("constraint") or {}
        if "start_time" in constraint:
            by_hour.append(entry["prices"])
            continue
        starts_on = date.fromisoformat(constraint.get("start_date", date.min.isoformat()))
        if starts_on > today:
            reason = f"holds from {starts_on}, after the capture"
            yield Held(rule="not_yet_effective", reason=reason, row=model)
        elif current is None or current[0] <= starts_on:
            current = (starts_on, entry["prices"])
    if current is None:
        return
    starts_on, prices = current
    dearest_first = sorted([prices, *by_hour], key=_output, reverse=True)
    if _output(dearest_first[0]) > 0 >= _output(dearest_first[-1]):
        reason = "prices by the hour, and one has no output price: which is the dearer?"
        yield Held(rule="price_in_doubt", reason=reason, row=model)
        return
    fields = {
        "api_provider_id": api_provider_id(model["provider"]),
        "api_model_id": model["id"],
        "model_name_printed": model.get("name"),
        "context_tokens": whole_or_none(model.get("context_window")),
        "is_deprecated": model.get("deprecated"),
        "price_from": None if starts_on == date.min else starts_on,
    }
    for number, dated in enumerate(dearest_first):
        yield from _conditions(model, dated, fields | {"variant": "off_peak" if number else None})


def _conditions(
    model: Mapping[str, Any], prices: Mapping[str, Any], fields: Mapping[str, Any]
) -> Iterator[Row]:
    """Yield the base price, those of longer prompts, and those of other modalities."""
    other = [
        token_price(model, printed, **fields, modality=modality)
        for modality in MODALITIES
        if (printed := _printed(prices, f"_{modality}", None))["input"][1] is not None
        or printed["output"][1] is not None
    ]
    text = _printed(prices, "", None)
    if not other or any(value is not None for _, value in text.values()):
        yield token_price(model, text, **fields)
    yield from other
    tiers = [tier for value in prices.values() for tier in _tiers(value)]
    starts = [whole_or_none(tier["start"]) for tier in tiers]
    if None in starts:
        reason = "a tier does not start at a number of tokens"
        yield Held(rule="condition_unknown", reason=reason, row=model)
        return
    for above in sorted({start for start in starts if start is not None}):
        printed = _printed(prices, "", above)
        yield token_price(model, printed, **fields, above_input_tokens=above)


def _printed(
    prices: Mapping[str, Any], modality: str, above: int | None
) -> dict[str, tuple[str, object]]:
    names = {
        "input": f"input{modality}_mtok",
        "output": f"output{modality}_mtok",
        "cache_read": f"cache{modality}_read_mtok",
        "cache_write": f"cache{modality}_write_mtok",
    }
    return {kind: (name, _at(prices.get(name), above)) for kind, name in names.items()}


def _tiers(printed: object) -> list[Mapping[str, Any]]:
    return printed["tiers"] if isinstance(printed, dict) else []


def _at(printed: object, above: int | None) -> object:
    """Return what is printed for prompts of more tokens than ``above``; None for the shortest."""
    if not isinstance(printed, dict):
        return printed
    reached = [tier for tier in printed["tiers"] if above is not None and tier["start"] <= above]
    return (
        max(reached, key=lambda tier: int(tier["start"]))["price"] if reached else (printed["base"])
    )


def _output(prices: Mapping[str, Any]) -> Decimal:
    return decimal_or_none(_at(prices.get("output_mtok"), None)) or Decimal(0)


SOURCE = Source(
    source_id="genai_prices",
    title="genai-prices: token prices by provider",
    kind="feed",
    homepage_url="https://github.com/pydantic/genai-prices",
    terms_url="https://github.com/pydantic/genai-prices/blob/main/LICENSE",
    licence="MIT",
    credit="pydantic/genai-prices (MIT)",
    may_redistribute=True,
    allowed_hosts=("raw.githubusercontent.com",),
    requests=one_request("prices", URL),
    parse=parse,
    row_of_answer="element of a provider's models",
    parser_version=3,
    verified_with="whole",
    verified_on=date(2026, 8, 21),
    reads_day=True,
    record_kind="api_price",
    expected_rows=(300, 6000),
    max_bytes=four_times(262_117),
    past=GitHistory(first_day=date(2025, 7, 31), former_url=FORMER_URL),
    currency="USD",
)

"""pydantic/genai-prices: token prices of models by provider, per million tokens, with dates.

A model has one price, or a list of prices of which the last whose constraint holds counts. Of
prices that depend on the length of the prompt the base is taken; of prices that depend on the
hour the dearer is the list price and the other the variant ``off_peak``.
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
    Payload,
    Request,
    Row,
    Source,
    decimal_or_none,
    each_row,
    objects_at,
    whole_or_none,
)

URL = "https://raw.githubusercontent.com/pydantic/genai-prices/main/prices/data_slim.json"


def requests(fetching: Fetching) -> list[Request]:
    """Ask for the whole list without descriptions."""
    return [Request(key="prices", url=URL)]


def parse(payload: Payload) -> Iterator[Row]:
    """Yield the price of each model that holds on the day of the capture."""
    today = payload.captured_at.date()
    models = [
        {"provider": provider["id"], **model}
        for provider in objects_at(payload)
        for model in provider.get("models") or []
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
    price_from = None if starts_on == date.min else starts_on
    dearest_first = sorted([prices, *by_hour], key=_output, reverse=True)
    if _output(dearest_first[0]) > 0 >= _output(dearest_first[-1]):
        reason = "prices by the hour, and one has no output price: which is the dearer?"
        yield Held(rule="price_in_doubt", reason=reason, row=model)
        return
    for number, dated in enumerate(dearest_first):
        yield _price(model, dated, price_from, "off_peak" if number else None)


def _output(prices: Mapping[str, Any]) -> Decimal:
    return _base(prices.get("output_mtok")) or Decimal(0)


def _base(printed: object) -> Decimal | None:
    """Return the price of the first tier, or the price."""
    return decimal_or_none(printed.get("base") if isinstance(printed, dict) else printed)


def _price(
    model: Mapping[str, Any],
    prices: Mapping[str, Any],
    price_from: date | None,
    variant: str | None,
) -> Row:
    names = ("input_mtok", "output_mtok", "cache_read_mtok")
    amounts = [_base(prices.get(name)) for name in names]
    for name, amount in zip(names, amounts, strict=True):
        if prices.get(name) is not None and (amount is None or amount < 0):
            reason = f"{name} is {prices[name]!r}"
            return Held(rule="price_not_a_number", reason=reason, row=model)
    per_input, per_output, per_cache_read = amounts
    if per_input is None and per_output is None:
        reason = f"no price per token, only {sorted(prices)}"
        return Held(rule="price_missing", reason=reason, row=model)
    return ApiPrice(
        api_provider_id=api_provider_id(model["provider"]),
        api_model_id=model["id"],
        usd_per_million_input_tokens=per_input,
        usd_per_million_output_tokens=per_output,
        usd_per_million_cache_read_tokens=per_cache_read,
        model_name_printed=model.get("name"),
        context_tokens=whole_or_none(model.get("context_window")),
        variant="free" if not per_input and not per_output else variant,
        is_deprecated=model.get("deprecated"),
        price_from=price_from,
    )


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
    requests=requests,
    parse=parse,
    parser_version=1,
    reads_day=True,
    record_kind="api_price",
    expected_rows=(300, 6000),
    currency="USD",
)

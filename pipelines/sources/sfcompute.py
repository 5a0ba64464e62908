"""SF Compute's price page: the day's average price of a GPU-hour on its market.

The page keeps a month of daily averages by hardware type; the newest day is the offer. 0 is a day
without a trade, not a price. Time on this market is bought in blocks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from pipelines.sources.base import (
    TERMS_UNREAD,
    Fetching,
    Held,
    ParseError,
    Payload,
    Request,
    Row,
    Source,
    each_row,
    offer_or_held,
)
from pipelines.sources.price_page import flight_text, json_after

URL = "https://sfcompute.com/prices"
MARKER = '"pricesByHardwareType":'


def requests(fetching: Fetching) -> Sequence[Request]:
    """Return the one request."""
    return (Request(key="prices", url=URL),)


def parse(payload: Payload) -> Iterator[Row]:
    """Yield the newest daily average of each hardware type."""
    by_type = json_after(payload, flight_text(payload), MARKER)
    if not isinstance(by_type, dict) or not by_type:
        raise ParseError(f"{payload.where()}: {MARKER} holds no hardware type")
    days = [
        {"hardware_type": gpu, **max(series, key=lambda day: str(day["date"]))}
        for gpu, series in by_type.items()
        if series
    ]
    if not days:
        raise ParseError(f"{payload.where()}: no day for any of {sorted(by_type)}")
    return each_row(payload, days, _offers)


def _offers(day: Mapping[str, Any]) -> Iterator[Row]:
    try:
        source_time = datetime.fromisoformat(day["date"].removeprefix("$D"))
    except ValueError:
        yield Held(rule="date_not_readable", reason=f"date is {day['date']!r}", row=day)
        return
    yield offer_or_held(
        day,
        price=day["avg"],
        provider_id="sfcompute",
        sku=f"{day['hardware_type']} daily average",
        gpu_name_printed=day["hardware_type"],
        gpu_count=1,
        currency="USD",  # the chart's axis is in dollars per GPU-hour
        price_basis="gpu",
        price_unit="hour",
        purchase_model="capacity_block",
        market_tier="marketplace_secure",
        source_time=source_time,
    )


SOURCE = Source(
    source_id="sfcompute",
    title="SF Compute market prices",
    kind="page",
    homepage_url=URL,
    terms_url="https://sfcompute.com/",
    licence="terms",
    credit="Prices: SF Compute",
    may_redistribute=False,
    allowed_hosts=("sfcompute.com",),
    requests=requests,
    parse=parse,
    parser_version=1,
    expected_rows=(1, 10),
    currency="USD",
    price_basis="gpu",
    price_unit="hour",
    known_gpus=frozenset({"H100"}),
    disabled_reason=TERMS_UNREAD,
)

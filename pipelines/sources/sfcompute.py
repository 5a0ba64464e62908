"""SF Compute's price page: the day's average price of a GPU-hour on its market.

The page keeps a month of daily averages by hardware type; the newest day is the offer. 0 is a day
without a trade, not a price. Time on this market is bought in blocks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any

from pipelines.sources.base import (
    TERMS_UNREAD,
    Held,
    ParseError,
    Payload,
    ReadRow,
    Row,
    Source,
    one_request,
)
from pipelines.sources.fields import each_row, offer_or_held
from pipelines.sources.price_page import flight_text, json_after

URL = "https://sfcompute.com/prices"
MARKER = '"pricesByHardwareType":'


def parse(payload: Payload) -> Iterator[ReadRow]:
    """Yield the newest daily average of each hardware type."""
    by_type = json_after(payload, flight_text(payload), MARKER)
    if not isinstance(by_type, dict) or not by_type:
        raise ParseError(f"{payload.where()}: {MARKER} holds no hardware type")
    rows = [{"hardware_type": gpu, "days": days} for gpu, days in by_type.items()]
    return each_row(payload, rows, _offers)


def _offers(row: Mapping[str, Any]) -> Iterator[Row]:
    if not row["days"]:
        reason = f"no day for {row['hardware_type']}"
        yield Held(rule="price_missing", reason=reason, row=row)
        return
    newest = max(row["days"], key=lambda day: str(day["date"]))
    day = {"hardware_type": row["hardware_type"], **newest}
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
    requests=one_request("prices", URL),
    parse=parse,
    row_of_answer="hardware type",
    parser_version=1,
    verified_with="excerpt",
    verified_on=date(2026, 7, 15),
    expected_rows=(1, 10),
    currency="USD",
    price_basis="gpu",
    price_unit="hour",
    known_gpus=frozenset({"H100"}),
    disabled_reason=TERMS_UNREAD,
)

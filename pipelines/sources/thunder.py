"""Thunder Compute's price page: US dollars per GPU and hour."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from pipelines.sources.base import (
    Fetching,
    Payload,
    Request,
    Row,
    Source,
    gigabytes_to_bytes,
)
from pipelines.sources.price_page import (
    AMOUNT,
    GPU,
    UNREAD,
    matches,
    priced,
    printed_offer,
)

URL = "https://www.thundercompute.com/pricing"
ROW = re.compile(
    rf"(?P<gpu>{GPU}) VRAM (?P<gigabytes>\d+) ?GB(?P<specs>(?:(?!VRAM)[^$]){{5,160}}?)"
    r"GPU/hr \(\*\) (?P<price>\$\S+)"
)
PRICE = re.compile(r"\$" + AMOUNT)


def requests(fetching: Fetching) -> Sequence[Request]:
    """Return the one request."""
    return (Request(key="pricing", url=URL),)


def parse(payload: Payload) -> Iterator[Row]:
    """Yield one offer for each row of the price list."""
    return priced(payload, (row for match in matches(payload, ROW) for row in _offers(match)))


def _offers(match: re.Match[str]) -> Iterator[Row]:
    yield from printed_offer(
        match.groupdict(),
        match["price"],
        PRICE,
        provider_id="thundercompute",
        sku=f"{match['gpu']} {match['gigabytes']}GB",
        gpu_name_printed=match["gpu"],
        gpu_count=1,
        currency="USD",
        price_basis="gpu",
        price_unit="hour",
        purchase_model="on_demand",
        market_tier="neocloud",
        gpu_memory_bytes=gigabytes_to_bytes(match["gigabytes"]),
    )


SOURCE = Source(
    source_id="thunder",
    title="Thunder Compute price page",
    kind="page",
    homepage_url=URL,
    terms_url="https://www.thundercompute.com/",
    licence="terms",
    credit="Prices: Thunder Compute",
    may_redistribute=False,
    allowed_hosts=("www.thundercompute.com",),
    requests=requests,
    parse=parse,
    parser_version=1,
    expected_rows=(2, 20),
    currency="USD",
    price_basis="gpu",
    price_unit="hour",
    known_gpus=frozenset({"A100"}),
    disabled_reason=UNREAD,
)

"""Spheron's price page: US dollars per GPU and hour, on demand and spot.

A card prints a name, its architecture, its memory, and up to two prices.
"""

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

URL = "https://www.spheron.network/pricing"
ROW = re.compile(
    rf"(?P<gpu>{GPU}) (?P<architecture>Blackwell|Hopper|Ampere|Ada|CDNA\w*) (?P<gigabytes>\d+) GB\b"
    r"(?P<prices>(?:(?!Blackwell|Hopper|Ampere|Ada |CDNA).){0,240})"
)
PRICES = re.compile(r"(?P<spot>Spot )?(?P<price>\$[\d.,]+ ?/\w+)")
PRICE = re.compile(r"\$" + AMOUNT + r" ?/hr")


def requests(fetching: Fetching) -> Sequence[Request]:
    """Return the one request."""
    return (Request(key="pricing", url=URL),)


def parse(payload: Payload) -> Iterator[Row]:
    """Yield one offer for each row of the price list."""
    return priced(payload, (row for match in matches(payload, ROW) for row in _offers(match)))


def _offers(match: re.Match[str]) -> Iterator[Row]:
    for price in PRICES.finditer(match["prices"]):
        is_spot = price["spot"] is not None
        yield from printed_offer(
            {**match.groupdict(), **price.groupdict()},
            price["price"],
            PRICE,
            provider_id="spheron",
            sku=f"{match['gpu']} {match['gigabytes']}GB",
            gpu_name_printed=match["gpu"],
            gpu_count=1,
            currency="USD",
            price_basis="gpu",
            price_unit="hour",
            purchase_model="spot" if is_spot else "on_demand",
            market_tier="marketplace_secure",
            gpu_memory_bytes=gigabytes_to_bytes(match["gigabytes"]),
        )


SOURCE = Source(
    source_id="spheron",
    title="Spheron price page",
    kind="marketplace",
    homepage_url=URL,
    terms_url="https://www.spheron.network/",
    licence="terms",
    credit="Prices: Spheron",
    may_redistribute=False,
    allowed_hosts=("www.spheron.network",),
    requests=requests,
    parse=parse,
    parser_version=1,
    expected_rows=(3, 40),
    currency="USD",
    price_basis="gpu",
    price_unit="hour",
    known_gpus=frozenset({"H100"}),
    disabled_reason=UNREAD,
)

"""Koyeb's price page: US dollars per instance and hour.

Memory is printed twice, for the columns of a phone and of a desk.
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
)
from pipelines.sources.price_page import (
    AMOUNT,
    UNREAD,
    matches,
    priced,
    printed_offer,
)

URL = "https://www.koyeb.com/pricing"
ROW = re.compile(
    r"(?:(?P<count>\d+)x ?)?(?P<gpu>(?:RTX|L4|A100|H\d00|B\d00|V100)[\w-]*) "
    r"vRAM (?P<gigabytes>\d+) ?GB vRAM \d+ ?GB (?P<price>\$ ?[\d.,]+ ?/\w+)"
)
PRICE = re.compile(r"\$ ?" + AMOUNT + r" ?/hour")


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
        provider_id="koyeb",
        sku=f"{match['count'] or 1}x {match['gpu']}",
        gpu_name_printed=match["gpu"],
        gpu_count=match["count"] or 1,
        currency="USD",
        price_basis="instance",
        price_unit="hour",
        purchase_model="on_demand",
        market_tier="neocloud",
    )


SOURCE = Source(
    source_id="koyeb",
    title="Koyeb price page",
    kind="page",
    homepage_url=URL,
    terms_url="https://www.koyeb.com/",
    licence="terms",
    credit="Prices: Koyeb",
    may_redistribute=False,
    allowed_hosts=("www.koyeb.com",),
    requests=requests,
    parse=parse,
    parser_version=1,
    expected_rows=(2, 30),
    currency="USD",
    price_basis="instance",
    price_unit="hour",
    known_gpus=frozenset({"RTX-A6000"}),
    disabled_reason=UNREAD,
)

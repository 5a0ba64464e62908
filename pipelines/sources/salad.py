"""Salad's price page: US dollars per GPU and hour at the lowest priority.

The machines are people's own and may leave at any time: these are spot prices. The month beside
the hour is the hour times 730.
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
    decimal_or_none,
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

URL = "https://salad.com/pricing"
ROW = re.compile(
    rf"(?P<gpu>{GPU}) (?P<gigabytes>\d+) ?GB (?P<ram>\d+) ?GB "
    r"(?P<vcpus>\d+) vCPUs (?P<price>\$\S+) \$"
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
        provider_id="salad",
        sku=f"{match['gpu']} {match['gigabytes']}GB",
        gpu_name_printed=match["gpu"],
        gpu_count=1,
        currency="USD",
        price_basis="gpu",
        price_unit="hour",
        purchase_model="spot",
        market_tier="marketplace_community",
        gpu_memory_bytes=gigabytes_to_bytes(match["gigabytes"]),
        vcpu_count=decimal_or_none(match["vcpus"]),
        memory_bytes=gigabytes_to_bytes(match["ram"]),
    )


SOURCE = Source(
    source_id="salad",
    title="Salad price page",
    kind="marketplace",
    homepage_url=URL,
    terms_url="https://salad.com/terms",
    licence="terms",
    credit="Prices: Salad",
    may_redistribute=False,
    allowed_hosts=("salad.com",),
    requests=requests,
    parse=parse,
    parser_version=1,
    expected_rows=(5, 60),
    currency="USD",
    price_basis="gpu",
    price_unit="hour",
    known_gpus=frozenset({"RTX 4090"}),
    disabled_reason=UNREAD,
)

"""Denvr's price page: US dollars per GPU and hour of machines with 1 to 8 GPUs.

Rows without a price are let by contract only.
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
    UNREAD,
    matches,
    priced,
    printed_offer,
)

URL = "https://www.denvrdata.com/pricing"
ROW = re.compile(
    r"NVIDIA (?P<gpu>(?:(?!NVIDIA)[\w ])+?) (?P<count>\d+) (?P<gigabytes>\d+) ?GB "
    r"(?P<specs>(?:(?!NVIDIA)[^$]){0,80}?)(?P<price>\$\S+ ?/ ?\w+)"
)
PRICE = re.compile(r"\$" + AMOUNT + r" ?/ ?GPU")


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
        provider_id="denvr",
        sku=f"{match['count']}x {match['gpu']} {match['gigabytes']}GB",
        gpu_name_printed=match["gpu"],
        gpu_count=match["count"],
        currency="USD",
        price_basis="gpu",
        price_unit="hour",
        purchase_model="on_demand",
        market_tier="neocloud",
        gpu_memory_bytes=gigabytes_to_bytes(match["gigabytes"]),
    )


SOURCE = Source(
    source_id="denvr",
    title="Denvr price page",
    kind="page",
    homepage_url=URL,
    terms_url="https://www.denvrdata.com/",
    licence="terms",
    credit="Prices: Denvr",
    may_redistribute=False,
    allowed_hosts=("www.denvrdata.com",),
    requests=requests,
    parse=parse,
    parser_version=1,
    expected_rows=(2, 30),
    currency="USD",
    price_basis="gpu",
    price_unit="hour",
    known_gpus=frozenset({"H100 SXM"}),
    disabled_reason=UNREAD,
)

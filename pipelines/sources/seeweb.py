"""Seeweb's page of GPU servers: euros per GPU and hour.

The English page prints a decimal point; a comma is held, since it may mean either.
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
    UNREAD,
    matches,
    priced,
    printed_offer,
)

URL = "https://www.seeweb.it/en/products/cloud-server-gpu"
ROW = re.compile(
    r"CLOUD GPU (?P<gpu>(?:NVIDIA|AMD) (?:(?!CLOUD GPU)[\w ])+?) 1 2 4 8 GPU"
    r"(?P<specs>(?:(?!CLOUD GPU)[^€]){0,160}?)Hourly Cost (?P<price>[\d.,]+ ?\S)"
)
PRICE = re.compile(r"(?P<amount>\d+\.\d{1,4}) ?€")


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
        provider_id="seeweb",
        sku=f"{match['gpu']}",
        gpu_name_printed=match["gpu"],
        gpu_count=1,
        currency="EUR",
        price_basis="gpu",
        price_unit="hour",
        purchase_model="on_demand",
        market_tier="neocloud",
    )


SOURCE = Source(
    source_id="seeweb",
    title="Seeweb price page",
    kind="page",
    homepage_url=URL,
    terms_url="https://www.seeweb.it/",
    licence="terms",
    credit="Prices: Seeweb",
    may_redistribute=False,
    allowed_hosts=("www.seeweb.it",),
    requests=requests,
    parse=parse,
    parser_version=1,
    expected_rows=(4, 30),
    currency="EUR",
    price_basis="gpu",
    price_unit="hour",
    known_gpus=frozenset({"NVIDIA H200"}),
    disabled_reason=UNREAD,
)

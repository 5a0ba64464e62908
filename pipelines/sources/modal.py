"""Modal's price page: US dollars per GPU and second, serverless.

Memory is printed only where a name has two sizes: "A100, 80 GB".
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

URL = "https://modal.com/pricing"
ROW = re.compile(
    r"Nvidia (?P<gpu>(?:(?!Nvidia)[\w ]){2,30}?)(?:, (?P<gigabytes>\d+) GB)?"
    r" (?P<price>\$\S+ ?/ ?\w+)"
)
PRICE = re.compile(r"\$" + AMOUNT + r" ?/ ?sec")


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
        provider_id="modal",
        sku=match[0].removesuffix(match["price"]).strip(),
        gpu_name_printed=match["gpu"],
        gpu_count=1,
        currency="USD",
        price_basis="gpu",
        price_unit="second",
        purchase_model="on_demand",
        market_tier="neocloud",
        gpu_memory_bytes=gigabytes_to_bytes(match["gigabytes"]),
    )


SOURCE = Source(
    source_id="modal",
    title="Modal price page",
    kind="page",
    homepage_url=URL,
    terms_url="https://modal.com/legal/terms",
    licence="terms",
    credit="Prices: Modal",
    may_redistribute=False,
    allowed_hosts=("modal.com",),
    requests=requests,
    parse=parse,
    parser_version=1,
    expected_rows=(5, 30),
    currency="USD",
    price_basis="gpu",
    price_unit="second",
    known_gpus=frozenset({"H100", "A100"}),
    disabled_reason=UNREAD,
)

"""LeaderGPU's front page: euros per server and month.

A row prints the price of one card and then that of the server; the server is what is let, and the
month is the least one can rent.
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

URL = "https://www.leadergpu.com/"
ROW = re.compile(
    r"NVIDIA (?P<gpu>(?:(?!NVIDIA|New |Popular )[\w ])+?)(?: New| Popular)? (?P<count>\d+)x "
    r"(?P<nvlink>NVLink )?(?P<gigabytes>\d+) ?GB \w+(?: ECC)? (?P<card>\S+) "
    r"(?P<price>\S+)"
)
PRICE = re.compile(r"€" + AMOUNT)


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
        provider_id="leadergpu",
        sku=f"{match['count']}x {match['gpu']}",
        gpu_name_printed=match["gpu"],
        gpu_count=match["count"],
        currency="EUR",
        price_basis="instance",
        price_unit="month",
        purchase_model="reserved",
        market_tier="neocloud",
        commitment_months=1,
        gpu_memory_bytes=gigabytes_to_bytes(match["gigabytes"]),
        interconnect="NVLink" if match["nvlink"] else None,
    )


SOURCE = Source(
    source_id="leadergpu",
    title="LeaderGPU price list",
    kind="page",
    homepage_url=URL,
    terms_url="https://www.leadergpu.com/",
    licence="terms",
    credit="Prices: LeaderGPU",
    may_redistribute=False,
    allowed_hosts=("www.leadergpu.com",),
    requests=requests,
    parse=parse,
    parser_version=1,
    expected_rows=(3, 60),
    currency="EUR",
    price_basis="instance",
    price_unit="month",
    known_gpus=frozenset({"H100 SXM"}),
    disabled_reason=UNREAD,
)

"""Massed Compute's price page: US dollars per machine and hour, read from the page's data.

Each machine stands there twice; the card for phones carries its price beside its name. In that
data "$$" is one dollar sign. A figure that is only a reference to another part is missing. Memory
stands in brackets behind the name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from pipelines.sources.base import (
    TERMS_UNREAD,
    Fetching,
    ParseError,
    Payload,
    Request,
    Row,
    Source,
    decimal_or_none,
    each_row,
    gigabytes_to_bytes,
    offer_or_held,
)
from pipelines.sources.price_page import flight_text, priced

URL = "https://massedcompute.com/pricing/"
CARD = re.compile(r'"(?P<gpu>[^"]+?)-mobile-x (?P<count>\d+)-\d+",')
PRICE = re.compile(r'"\$\$(?P<price>[\d,]+(?:\.\d+)?)",\["\$","small"[^]]*?"/hr"')
MEMORY = re.compile(r"\s*\((?P<gigabytes>\d+)GB\)(?: NVLink)?")


def requests(fetching: Fetching) -> Sequence[Request]:
    """Return the one request."""
    return (Request(key="pricing", url=URL),)


def parse(payload: Payload) -> Iterator[Row]:
    """Yield one offer for each machine."""
    text = flight_text(payload)
    cards = list(CARD.finditer(text))
    if not cards:
        raise ParseError(f"{payload.where()}: no machine in {len(text):,} characters of page data")
    ends = [*(card.start() for card in cards[1:]), len(text)]
    rows = [
        {
            "gpu": card["gpu"],
            "count": card["count"],
            "price": _found(PRICE, text[card.end() : end]),
            "vcpu": _labelled("vCPU", text[card.end() : end]),
            "ram": _labelled("RAM", text[card.end() : end]),
        }
        for card, end in zip(cards, ends, strict=True)
    ]
    return priced(payload, each_row(payload, rows, _offers))


def _found(pattern: re.Pattern[str], text: str) -> str | None:
    match = pattern.search(text)
    return match[1] if match else None


def _labelled(label: str, text: str) -> str | None:
    pattern = rf'"children":"{label}"\}}\],\["\$","dd",null,\{{[^}}]*?"children":"?([^"}}]+)'
    return _found(re.compile(pattern), text)


def _offers(row: Mapping[str, str | None]) -> Iterator[Row]:
    name, price = row["gpu"] or "", row["price"]
    memory = MEMORY.search(name)
    yield offer_or_held(
        row,
        price=price.replace(",", "") if price else None,
        provider_id="massedcompute",
        sku=f"{name} x{row['count']}",
        gpu_name_printed=MEMORY.sub("", name),
        gpu_count=row["count"],
        currency="USD",
        price_basis="instance",
        price_unit="hour",
        purchase_model="on_demand",
        market_tier="neocloud",
        gpu_memory_bytes=gigabytes_to_bytes(memory["gigabytes"]) if memory else None,
        vcpu_count=decimal_or_none(row["vcpu"]),
        memory_bytes=gigabytes_to_bytes((row["ram"] or "").removesuffix(" GB")),
        interconnect="NVLink" if name.endswith("NVLink") else None,
    )


SOURCE = Source(
    source_id="massed_compute",
    title="Massed Compute price page",
    kind="page",
    homepage_url=URL,
    terms_url="https://massedcompute.com/",
    licence="terms",
    credit="Prices: Massed Compute",
    may_redistribute=False,
    allowed_hosts=("massedcompute.com",),
    requests=requests,
    parse=parse,
    parser_version=1,
    expected_rows=(10, 100),
    currency="USD",
    price_basis="instance",
    price_unit="hour",
    known_gpus=frozenset({"H100"}),
    disabled_reason=TERMS_UNREAD,
)

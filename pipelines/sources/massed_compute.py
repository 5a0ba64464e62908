"""Massed Compute's price page: US dollars per machine and hour, read from the page's data.

Each machine is listed twice; the card for phones carries its price beside its name. A card is a
list ``["$", tag, key, properties]``: its key names the machine, and its texts, whatever elements
hold them, are the figures in reading order. In that data "$$" is one dollar sign. A figure that is
only a reference to another part is missing. Memory is in brackets after the name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from itertools import pairwise

from pipelines.sources.base import (
    TERMS_UNREAD,
    ParseError,
    Payload,
    ReadRow,
    Row,
    Source,
    one_request,
)
from pipelines.sources.fields import decimal_or_none, each_row, gigabytes_to_bytes, offer_or_held
from pipelines.sources.price_page import AMOUNT, flight_text, json_at, priced

URL = "https://massedcompute.com/pricing/"
CARD = re.compile(r'\["\$","\w{1,20}","(?P<gpu>[^"]{1,80}?)-mobile-x (?P<count>\d{1,4})-\d{1,4}",')
PRICE = re.compile(r"(?<![A-Za-z])\$\$?" + AMOUNT + r" ?/ ?h(?:ou)?r\b")
MEMORY = re.compile(r"\s{0,3}\((?P<gigabytes>\d{1,5})GB\)(?: NVLink)?")


def parse(payload: Payload) -> Iterator[ReadRow]:
    """Yield one offer for each machine."""
    text = flight_text(payload)
    cards = list(CARD.finditer(text))
    if not cards:
        raise ParseError(f"{payload.where()}: no machine in {len(text):,} characters of page data")
    return priced(
        payload, each_row(payload, [_card(payload, text, card) for card in cards], _offers)
    )


def _card(payload: Payload, text: str, card: re.Match[str]) -> Mapping[str, str | None]:
    texts = list(_texts(json_at(payload, text, card.start())))
    price = PRICE.search(" ".join(texts))
    labels = dict(pairwise(texts))
    return {
        "gpu": card["gpu"],
        "count": card["count"],
        "price": price["amount"] if price else None,
        "vcpu": labels.get("vCPU"),
        "ram": labels.get("RAM"),
    }


def _texts(node: object) -> Iterator[str]:
    """Yield the texts of an element in reading order: its children, and theirs."""
    if isinstance(node, list) and node[:1] == ["$"]:
        properties = node[3] if len(node) > 3 else None
        yield from _texts(properties.get("children") if isinstance(properties, dict) else None)
    elif isinstance(node, list):
        for child in node:
            yield from _texts(child)
    elif isinstance(node, (str, int, Decimal)) and not isinstance(node, bool):
        yield str(node)


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
    requests=one_request("pricing", URL),
    parse=parse,
    row_of_answer="card of the page",
    parser_version=2,
    verified_with="excerpt",
    verified_on=date(2026, 8, 22),
    expected_rows=(10, 100),
    currency="USD",
    price_basis="instance",
    price_unit="hour",
    known_gpus=frozenset({"H100"}),
    disabled_reason=TERMS_UNREAD,
)

"""Hot Aisle's price page: US dollars per GPU and hour, by size of the machine.

Only the cards count: the prose around them names the rate of old customers and of the month
before. One card may describe two sizes ("2x & 4x"); bare metal is rented by the month.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

from pipelines.sources.base import (
    TERMS_UNREAD,
    Payload,
    ReadRow,
    Row,
    Source,
    one_request,
)
from pipelines.sources.price_page import (
    AMOUNT,
    each_priced,
    matches,
    printed_offer,
)

URL = "https://hotaisle.xyz/pricing/"
CARD = re.compile(
    r"(?i)(?P<kind>VM|Bare metal) (?P<size>\w{1,20}) (?P<counts>\d{1,4}x(?: & \d{1,4}x){0,8})"
    r" (?P<gpu>MI\d{3}X) (?P<price>\$\S{1,20})(?!\S)"
)
PER_GPU_HOUR = re.compile(r"\$" + AMOUNT + r"/GPU/hr")


def parse(payload: Payload) -> Iterator[ReadRow]:
    """Yield one offer for each size of machine."""
    return each_priced(payload, matches(payload, CARD), _offers)


def _offers(card: re.Match[str]) -> Iterator[Row]:
    is_metal = card["kind"].lower() != "vm"
    for count in re.findall(r"\d{1,4}", card["counts"]):
        yield from printed_offer(
            card.groupdict(),
            card["price"],
            PER_GPU_HOUR,
            provider_id="hotaisle",
            sku=f"{card['kind'].lower()} {count}x {card['gpu']}",
            gpu_name_printed=card["gpu"],
            gpu_count=count,
            currency="USD",
            price_basis="gpu",
            price_unit="hour",
            purchase_model="reserved" if is_metal else "on_demand",
            commitment_months=1 if is_metal else None,
            market_tier="neocloud",
        )


SOURCE = Source(
    source_id="hot_aisle",
    title="Hot Aisle price page",
    kind="page",
    homepage_url=URL,
    terms_url="https://hotaisle.xyz/",
    licence="terms",
    credit="Prices: Hot Aisle",
    may_redistribute=False,
    allowed_hosts=("hotaisle.xyz",),
    requests=one_request("pricing", URL),
    parse=parse,
    row_of_answer="card of the page",
    parser_version=1,
    verified_with="excerpt",
    verified_on=date(2026, 8, 22),
    expected_rows=(2, 20),
    currency="USD",
    price_basis="gpu",
    price_unit="hour",
    known_gpus=frozenset({"MI300x"}),
    disabled_reason=TERMS_UNREAD,
)

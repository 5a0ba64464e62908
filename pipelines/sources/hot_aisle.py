"""Hot Aisle's price page: US dollars per GPU and hour, by size of the machine.

Only the cards count: the prose around them names the rate of old customers and of the month
before. A card may stand for two sizes ("2x & 4x"); bare metal is let by the month.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from pipelines.sources.base import TERMS_UNREAD, Fetching, Payload, Request, Row, Source
from pipelines.sources.price_page import AMOUNT, matches, priced, printed_offer

URL = "https://hotaisle.xyz/pricing/"
CARD = re.compile(
    r"(?i)(?P<kind>VM|Bare metal) (?P<size>\w+) (?P<counts>\d+x(?: & \d+x)*)"
    r" (?P<gpu>MI\d{3}X) (?P<price>\$\S+)"
)
PER_GPU_HOUR = re.compile(r"\$" + AMOUNT + r"/GPU/hr")


def requests(fetching: Fetching) -> Sequence[Request]:
    """Return the one request."""
    return (Request(key="pricing", url=URL),)


def parse(payload: Payload) -> Iterator[Row]:
    """Yield one offer for each size of machine."""
    return priced(payload, (row for card in matches(payload, CARD) for row in _offers(card)))


def _offers(card: re.Match[str]) -> Iterator[Row]:
    is_metal = card["kind"].lower() != "vm"
    for count in re.findall(r"\d+", card["counts"]):
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
    requests=requests,
    parse=parse,
    parser_version=1,
    expected_rows=(2, 20),
    currency="USD",
    price_basis="gpu",
    price_unit="hour",
    known_gpus=frozenset({"MI300x"}),
    disabled_reason=TERMS_UNREAD,
)

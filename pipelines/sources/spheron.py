"""Spheron's price page: US dollars per GPU and hour, on demand and spot.

A card prints a name, its architecture, its memory, and up to two prices.
Parser written from third-party descriptions, never run on a real page.
"""

from __future__ import annotations

from pipelines.sources.declared_page import PricePage
from pipelines.sources.price_page import AMOUNT, GPU

SOURCE = PricePage(
    source_id="spheron",
    provider="Spheron",
    url="https://www.spheron.network/pricing",
    row=(
        rf"(?P<gpu>{GPU}) "
        r"(?P<architecture>Blackwell|Hopper|Ampere|Ada|CDNA\w{0,4}) (?P<gigabytes>\d{1,5}) GB\b"
        r"(?P<prices>(?:(?!Blackwell|Hopper|Ampere|Ada |CDNA).){0,240})"
    ),
    price=r"\$" + AMOUNT + r" ?/hr",
    market_tier="marketplace_secure",
    kind="marketplace",
    prices=r"(?P<spot>Spot )?(?P<price>[A-Z]{0,3}\$[\d.,]{1,15} ?/\w{1,10})",
    expected_rows=(3, 40),
    known_gpus=frozenset({"H100"}),
).source()

"""Thunder Compute's price page: US dollars per GPU and hour.

Parser written from third-party descriptions, never run on a real page.
"""

from __future__ import annotations

from pipelines.sources.declared_page import PricePage
from pipelines.sources.price_page import AMOUNT, GPU

SOURCE = PricePage(
    source_id="thunder",
    provider="Thunder Compute",
    url="https://www.thundercompute.com/pricing",
    row=(
        rf"(?P<gpu>{GPU}) VRAM (?P<gigabytes>\d{{1,5}}) ?GB(?P<specs>(?:(?!VRAM)[^$]){{5,160}}?)"
        r"GPU/hr \(\*\) (?P<price>\$\S{1,20}(?: \d{2,3}\b)?)(?!\S)"
    ),
    price=r"\$" + AMOUNT,
    provider_id="thundercompute",
    expected_rows=(2, 20),
    known_gpus=frozenset({"A100"}),
).source()

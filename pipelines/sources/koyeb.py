"""Koyeb's price page: US dollars per instance and hour.

Memory is printed twice, for the columns of a phone and of a desk.
Parser written from third-party descriptions, never run on a real page.
"""

from __future__ import annotations

from pipelines.sources.declared_page import PricePage
from pipelines.sources.price_page import AMOUNT

SOURCE = PricePage(
    source_id="koyeb",
    provider="Koyeb",
    url="https://www.koyeb.com/pricing",
    row=(
        r"(?:(?<![\d./])(?P<count>\d{1,4})x ?|(?<!x)(?<!x ))"
        r"(?P<gpu>(?:RTX|L4|A100|H\d00|B\d00|V100)[\w-]{0,20}) "
        r"vRAM (?P<gigabytes>\d{1,5}) ?GB vRAM \d{1,5} ?GB (?P<price>\$ ?[\d.,]{1,15} ?/\w{1,10})"
    ),
    price=r"\$ ?" + AMOUNT + r" ?/hour",
    sku=lambda row: f"{row['count'] or 1}x {row['gpu']}",
    price_basis="instance",
    has_memory=False,
    expected_rows=(2, 30),
    known_gpus=frozenset({"RTX-A6000"}),
).source()

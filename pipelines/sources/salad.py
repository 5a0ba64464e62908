"""Salad's price page: US dollars per GPU and hour at the lowest priority.

The machines belong to private persons and may leave at any time: these are spot prices. The price
of a month stands beside it and tells the unit: it is that of the hour times 730.
Parser written from third-party descriptions, never run on a real page.
"""

from __future__ import annotations

from pipelines.sources.declared_page import PricePage
from pipelines.sources.price_page import AMOUNT, GPU

SOURCE = PricePage(
    source_id="salad",
    provider="Salad",
    url="https://salad.com/pricing",
    row=(
        rf"(?P<gpu>{GPU}) (?P<gigabytes>\d{{1,5}}) ?GB (?P<ram>\d{{1,5}}) ?GB "
        r"(?P<vcpus>\d{1,4}) vCPUs (?P<price>\$\S{1,20}) (?P<monthly>\$\S{1,20})"
    ),
    head="(?i)price monthly",
    price=r"\$" + AMOUNT,
    purchase_model="spot",
    market_tier="marketplace_community",
    kind="marketplace",
    terms_url="https://salad.com/terms",
    expected_rows=(5, 60),
    known_gpus=frozenset({"RTX 4090"}),
).source()

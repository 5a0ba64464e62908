"""Denvr's price page: US dollars per GPU and hour of machines with 1 to 8 GPUs.

Rows without a price are rented by contract only. A price says "/ GPU" only; the head of the column
tells the hour.
Parser written from third-party descriptions, never run on a real page.
"""

from __future__ import annotations

from pipelines.sources.declared_page import PricePage
from pipelines.sources.price_page import AMOUNT

SOURCE = PricePage(
    source_id="denvr",
    provider="Denvr",
    url="https://www.denvrdata.com/pricing",
    row=(
        r"NVIDIA (?P<gpu>(?:(?!NVIDIA)[\w ]){1,40}?) (?P<count>\d{1,4}) (?P<gigabytes>\d{1,5}) ?GB "
        r"(?P<specs>(?:(?!NVIDIA)[^$]){0,80}?)(?P<price>(?<![A-Z])\$\S{1,20} ?/ ?\w{1,10})"
    ),
    price=r"\$" + AMOUNT + r" ?/ ?GPU",
    sku=lambda row: f"{row['count']}x {row['gpu']} {row['gigabytes']}GB",
    expected_rows=(2, 30),
    known_gpus=frozenset({"H100 SXM"}),
).source()

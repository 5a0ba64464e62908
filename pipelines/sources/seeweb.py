"""Seeweb's page of GPU servers: euros per GPU and hour.

The English page prints a decimal point; a comma is held, since it may mean either.
Parser written from third-party descriptions, never run on a real page.
"""

from __future__ import annotations

from pipelines.sources.declared_page import PricePage

SOURCE = PricePage(
    source_id="seeweb",
    provider="Seeweb",
    url="https://www.seeweb.it/en/products/cloud-server-gpu",
    row=(
        r"CLOUD GPU (?P<gpu>(?:NVIDIA|AMD) (?:(?!CLOUD GPU)[\w ]){1,30}?) 1 2 4 8 GPU"
        r"(?P<specs>(?:(?!CLOUD GPU)[^€]){0,160}?)Hourly Cost (?P<price>[\d.,]{1,15} ?\S)"
    ),
    price=r"(?P<amount>\d{1,9}\.\d{1,4}) ?€",
    sku=lambda row: row["gpu"],
    currency="EUR",
    expected_rows=(4, 30),
    known_gpus=frozenset({"NVIDIA H200"}),
).source()

"""Modal's price page: US dollars per GPU and second, serverless.

Memory is printed only where a name has two sizes: "A100, 80 GB".
Parser written from third-party descriptions, never run on a real page.
"""

from __future__ import annotations

from pipelines.sources.declared_page import PricePage
from pipelines.sources.price_page import AMOUNT

SOURCE = PricePage(
    source_id="modal",
    provider="Modal",
    url="https://modal.com/pricing",
    row=(
        r"Nvidia (?P<gpu>(?:(?!Nvidia)[\w ]){2,30}?)(?:, (?P<gigabytes>\d{1,5}) GB)?"
        r" (?P<price>\$\S{1,20} ?/ ?\w{1,10})"
    ),
    price=r"\$" + AMOUNT + r" ?/ ?sec",
    sku=lambda row: row[0].removesuffix(row["price"]).strip(),
    per="second",
    terms_url="https://modal.com/legal/terms",
    expected_rows=(5, 30),
    known_gpus=frozenset({"H100", "A100"}),
).source()

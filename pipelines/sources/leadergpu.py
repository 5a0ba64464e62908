"""LeaderGPU's front page: euros per server and month.

A row prints the price of one card and then that of the server. Only whole servers are rented, for a
month or more, as the page says above them.
Parser written from third-party descriptions, never run on a real page.
"""

from __future__ import annotations

from pipelines.sources.declared_page import PricePage
from pipelines.sources.price_page import AMOUNT

SOURCE = PricePage(
    source_id="leadergpu",
    provider="LeaderGPU",
    url="https://www.leadergpu.com/",
    row=(
        r"NVIDIA (?P<gpu>(?:(?!NVIDIA|New |Popular )[\w ]){1,40}?)(?: New| Popular)? "
        r"(?P<count>\d{1,4})x "
        r"(?P<nvlink>NVLink )?(?P<gigabytes>\d{1,5}) ?GB \w{1,10}(?: ECC)? (?P<card>\S{1,20}) "
        r"(?P<price>\S{1,20}(?: \d{3}\b\S{0,15})?)(?!\S)"
    ),
    price=r"€" + AMOUNT,
    sku=lambda row: f"{row['count']}x {row['gpu']}",
    price_basis="instance",
    per="month",
    currency="EUR",
    purchase_model="reserved",
    commitment_months=1,
    title="LeaderGPU price list",
    expected_rows=(3, 60),
    known_gpus=frozenset({"H100 SXM"}),
).source()

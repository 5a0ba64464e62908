"""JarvisLabs's price page: US dollars per GPU and hour.

A card prints name, architecture, memory and price. Some print "per hour" beside it; the others hold
for an hour only while no text of the page names another unit.
Parser written from third-party descriptions, never run on a real page.
"""

from __future__ import annotations

from pipelines.sources.declared_page import PricePage
from pipelines.sources.price_page import AMOUNT, GPU

SOURCE = PricePage(
    source_id="jarvislabs",
    provider="JarvisLabs",
    url="https://jarvislabs.ai/pricing",
    row=(
        rf"(?P<gpu>{GPU}) "
        r"(?P<architecture>Ada|Ampere|Hopper|Blackwell|Volta|Turing)(?: Lovelace)? · "
        r"(?P<gigabytes>\d{1,5}) ?GB (?P<price>\$\S{1,20}(?: \d{2,3}\b)?(?: per \w{1,10})?)(?!\S)"
    ),
    price=r"\$" + AMOUNT + r"(?:/hr| per hour)?",
    expected_rows=(3, 30),
    known_gpus=frozenset({"H100 SXM"}),
).source()

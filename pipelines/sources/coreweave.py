"""CoreWeave's price page: US dollars per instance and hour, on demand and spot.

A row prints its name and figures twice, for phones and for desks; the labelled ones are read.
"4^1" GPUs is 4 with a footnote. The price of a single GPU for inference is another product's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from bs4.element import Tag

from pipelines.sources.base import (
    TERMS_UNREAD,
    Fetching,
    Payload,
    Request,
    Row,
    Source,
    decimal_or_none,
    gigabytes_to_bytes,
)
from pipelines.sources.price_page import AMOUNT, priced, printed_offer, soup_of, text_of

URL = "https://www.coreweave.com/pricing"
DOLLARS = re.compile(r"\$" + AMOUNT)
REGION = re.compile(r"(?i)^\s*REGION:\s*(?P<name>.+?)\s*$")


def requests(fetching: Fetching) -> Sequence[Request]:
    """Return the one request."""
    return (Request(key="pricing", url=URL),)


def parse(payload: Payload) -> Iterator[Row]:
    """Yield the on-demand and the spot offer of each GPU instance."""
    grids = soup_of(payload).select(".table-grid:has(h3.table-model-name)")
    return priced(payload, (row for grid in grids for row in _offers(grid)))


def _offers(grid: Tag) -> Iterator[Row]:
    heading = grid.select_one("h3.table-model-name")
    labelled = {
        text_of(value.find_next_sibling()): text_of(value)
        for value in grid.select(".table-meta-text > .table-meta-value")
    }
    if heading is None or "GPU Count" not in labelled:
        return  # a CPU instance
    product = str(heading.get("data-product") or text_of(heading))
    region = next(
        (
            match["name"].lower()
            for title in heading.find_all_previous("h5")
            if (match := REGION.match(text_of(title)))
        ),
        None,
    )
    for model, selector in (("on_demand", ".instance-price"), ("spot", ".spot-price")):
        price = grid.select_one(f"{selector} .item-value")
        yield from printed_offer(
            {"product": product, **labelled, model: text_of(price)},
            text_of(price),
            DOLLARS,
            provider_id="coreweave",
            sku=product,
            gpu_name_printed=text_of(heading),
            gpu_count=labelled["GPU Count"].partition("^")[0],
            currency="USD",
            price_basis="instance",
            price_unit="hour",
            purchase_model=model,
            market_tier="neocloud",
            region=region,
            gpu_memory_bytes=gigabytes_to_bytes(labelled.get("VRAM")),
            vcpu_count=decimal_or_none(labelled.get("vCPUs")),
            memory_bytes=gigabytes_to_bytes(labelled.get("System RAM", "").replace(",", "")),
            form_factor="SXM" if "HGX" in text_of(heading) else None,
        )


SOURCE = Source(
    source_id="coreweave",
    title="CoreWeave price page",
    kind="page",
    homepage_url=URL,
    terms_url="https://www.coreweave.com/",
    licence="terms",
    credit="Prices: CoreWeave",
    may_redistribute=False,
    allowed_hosts=("www.coreweave.com",),
    requests=requests,
    parse=parse,
    parser_version=1,
    expected_rows=(8, 60),
    currency="USD",
    price_basis="instance",
    price_unit="hour",
    known_gpus=frozenset({"NVIDIA HGX H100", "NVIDIA HGX H200"}),
    disabled_reason=TERMS_UNREAD,
)

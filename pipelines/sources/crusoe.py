"""Crusoe's price page: US dollars per GPU and hour, on demand and spot.

The page has the same markup for GPUs, CPUs and storage; a section counts whose first column is
headed "GPU model". Memory and form factor stand as tags beside the name; HGX is a board of SXM
modules.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from bs4.element import Tag

from pipelines.sources.base import (
    TERMS_UNREAD,
    Fetching,
    Payload,
    PurchaseModel,
    Request,
    Row,
    Source,
    gigabytes_to_bytes,
)
from pipelines.sources.price_page import AMOUNT, priced, printed_offer, soup_of, text_of

URL = "https://www.crusoe.ai/cloud/pricing"
PER_GPU_HOUR = re.compile(r"\$" + AMOUNT + r"/GPU-hr")
MEMORY = re.compile(r"(?P<gigabytes>\d+)\s*GB")
MODELS: dict[str, PurchaseModel] = {"On-demand": "on_demand", "Current spot": "spot"}


def requests(fetching: Fetching) -> Sequence[Request]:
    """Return the one request."""
    return (Request(key="pricing", url=URL),)


def parse(payload: Payload) -> Iterator[Row]:
    """Yield an offer for each GPU and column that has a price."""
    return priced(
        payload,
        (
            row
            for section in soup_of(payload).select(".pricing-dd")
            if text_of(section.select_one(".pricing-heading")) == "GPU model"
            for row in _section(section)
        ),
    )


def _section(section: Tag) -> Iterator[Row]:
    columns = [text_of(heading) for heading in section.select(".pricing-heading")][1:]
    for heading in section.select(".pricing-item-heading"):
        item = heading.find_parent(attrs={"role": "listitem"})
        if item is None:
            continue
        name = text_of(heading)
        tags = [text for tag in item.select(".pricing-tag") if (text := text_of(tag))]
        memory = next((match for text in tags if (match := MEMORY.fullmatch(text))), None)
        form_factor = next((text for text in tags if not MEMORY.fullmatch(text)), None)
        cells = [text_of(cell) for cell in item.select(".pricing-rich")]
        row = {"GPU model": name, "tags": tags, **dict(zip(columns, cells, strict=False))}
        for column, text in zip(columns, cells, strict=False):
            if column in MODELS:
                yield from printed_offer(
                    row,
                    text,
                    PER_GPU_HOUR,
                    provider_id="crusoe",
                    sku=" ".join([name, *tags]),
                    gpu_name_printed=name,
                    gpu_count=1,
                    currency="USD",
                    price_basis="gpu",
                    price_unit="hour",
                    purchase_model=MODELS[column],
                    market_tier="neocloud",
                    gpu_memory_bytes=gigabytes_to_bytes(memory["gigabytes"]) if memory else None,
                    form_factor="SXM" if form_factor == "HGX" else form_factor,
                )


SOURCE = Source(
    source_id="crusoe",
    title="Crusoe price page",
    kind="page",
    homepage_url=URL,
    terms_url="https://www.crusoe.ai/",
    licence="terms",
    credit="Prices: Crusoe",
    may_redistribute=False,
    allowed_hosts=("www.crusoe.ai",),
    requests=requests,
    parse=parse,
    parser_version=1,
    expected_rows=(3, 30),
    currency="USD",
    price_basis="gpu",
    price_unit="hour",
    known_gpus=frozenset({"NVIDIA H100", "NVIDIA A100"}),
    disabled_reason=TERMS_UNREAD,
)

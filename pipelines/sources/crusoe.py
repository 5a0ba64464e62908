"""Crusoe's price page: US dollars per GPU and hour, on demand and spot.

The page has the same markup for GPUs, CPUs and storage; a section counts whose first column is
headed "GPU model". Memory and form factor are tags beside the name; HGX is a board of SXM
modules.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

from bs4.element import Tag

from pipelines.sources.base import (
    NO_ACCELERATOR,
    TERMS_UNREAD,
    OutOfScope,
    Payload,
    PurchaseModel,
    ReadRow,
    Row,
    Source,
    one_request,
)
from pipelines.sources.documents import soup_of
from pipelines.sources.fields import gigabytes_to_bytes
from pipelines.sources.price_page import (
    AMOUNT,
    cells_of,
    children_of,
    each_priced,
    grid_rows,
    printed_offer,
    text_of,
)
from pipelines.text import single_spaced

URL = "https://www.crusoe.ai/cloud/pricing"
PER_GPU_HOUR = re.compile(r"\$" + AMOUNT + r"/GPU-hr")
MEMORY = re.compile(r"(?P<gigabytes>\d{1,5})\s{0,3}GB")
NAMES = ("h2", "h3", "h4", "h5")
MODELS: dict[str, PurchaseModel] = {"On-demand": "on_demand", "Current spot": "spot"}


def parse(payload: Payload) -> Iterator[ReadRow]:
    """Yield an offer for each GPU and column that has a price."""
    soup = soup_of(payload)
    lines = {id(row) for row in grid_rows(soup) if row.find_parent(role="listitem") is None}
    columns: list[str] = []
    items: list[tuple[Tag, list[str]]] = []
    for tag in soup.find_all(True):
        if id(tag) in lines:
            columns = cells_of(tag)
        elif tag.get("role") == "listitem":
            items.append((tag, columns))
    return each_priced(payload, items, _offers)


def _offers(item_of_section: tuple[Tag, list[str]]) -> Iterator[Row]:
    item, (first, *columns) = item_of_section[0], item_of_section[1] or [""]
    heading = item.find(NAMES)
    if first != "GPU model" or heading is None or not columns:
        yield OutOfScope(NO_ACCELERATOR)
        return
    # The last children are the prices; the link around name and tags is one child or several.
    rows = (children_of(tag) for tag in [item, *item.find_all(True)])
    parts = next((row for row in rows if len(row) > len(columns)), [])
    name = text_of(heading)
    texts = [text for part in parts[: -len(columns) or None] for text in part.stripped_strings]
    tags = [single_spaced(text) for text in texts if text not in heading.stripped_strings]
    memory = next((match for text in tags if (match := MEMORY.fullmatch(text))), None)
    form_factor = next((text for text in tags if not MEMORY.fullmatch(text)), None)
    cells = [text_of(cell) for cell in parts[-len(columns) :]]
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
    requests=one_request("pricing", URL),
    parse=parse,
    row_of_answer="item of a price section",
    parser_version=2,
    verified_with="excerpt",
    verified_on=date(2026, 8, 22),
    expected_rows=(3, 30),
    currency="USD",
    price_basis="gpu",
    price_unit="hour",
    known_gpus=frozenset({"NVIDIA H100", "NVIDIA A100"}),
    disabled_reason=TERMS_UNREAD,
)

"""Lambda's price page: US dollars per GPU and hour, by instance size, and clusters by term.

Every size of an instance (the tabs 8x, 4x, 2x, 1x) has its own price per GPU, so that the tab is
part of the sku. The clusters come first on the page, are rented for two weeks to a year, and are
distinguished from instances by their column DURATION. A dash is no price.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import partial

from bs4.element import Tag

from pipelines.sources.base import (
    TERMS_UNREAD,
    Held,
    Payload,
    ReadRow,
    Row,
    Source,
    one_request,
)
from pipelines.sources.documents import soup_of
from pipelines.sources.fields import decimal_or_none, gibibytes_to_bytes, gigabytes_to_bytes
from pipelines.sources.price_page import (
    AMOUNT,
    each_priced,
    printed_offer,
    text_of,
)

URL = "https://lambda.ai/pricing"
DOLLARS = re.compile(r"\$" + AMOUNT)
TABS = "[role=tab][aria-controls]"  # a tab names the panel that it opens
TAB = re.compile(r"(?P<count>\d{1,4})\s{0,3}[x×]")
GPUS = re.compile(r"(?P<count>\d[\d,]{0,8})\+?")
MEMORY = re.compile(r"(?P<size>\d[\d,.]{0,12})\s{0,3}(?P<unit>GB|GiB|TiB)")


def parse(payload: Payload) -> Iterator[ReadRow]:
    """Yield an offer for each instance size and each cluster that has a price."""
    soup = soup_of(payload)
    tabs = {str(tab["aria-controls"]): text_of(tab) for tab in soup.select(TABS)}
    rows = soup.select("tr[data-plan]")
    return each_priced(payload, rows, partial(_offers, tabs))


def _offers(tabs: Mapping[str, str], row: Tag) -> Iterator[Row]:
    plan = str(row["data-plan"]).strip()
    cells = {
        str(cell["data-label"]).rstrip("*"): text_of(cell)
        for cell in row.select("td[data-label]")
        if cell["data-label"] != "Action"
    }
    printed = {"plan": plan, "tab": _tab(tabs, row), **cells}
    is_cluster = "DURATION" in cells
    size = (GPUS if is_cluster else TAB).fullmatch(
        cells.get("GPU COUNT", "") if is_cluster else printed["tab"]
    )
    if size is None:
        reason = f"no GPU count in tab {printed['tab']!r} or column GPU COUNT"
        yield Held(rule="gpu_count_not_whole", reason=reason, row=printed)
        return
    count = int(size["count"].replace(",", ""))
    yield from printed_offer(
        printed,
        cells.get("PRICE/GPU/HR", ""),
        DOLLARS,
        provider_id="lambda",
        sku=f"{plan} {cells.get('VRAM/GPU', cells.get('DURATION', ''))} {size[0]}",
        gpu_name_printed=plan,
        gpu_count=count,
        currency="USD",
        price_basis="gpu",
        price_unit="hour",
        purchase_model="capacity_block" if is_cluster else "on_demand",
        market_tier="neocloud",
        gpu_memory_bytes=_bytes(cells, "VRAM/GPU"),
        vcpu_count=decimal_or_none(cells.get("vCPUs")),
        memory_bytes=_bytes(cells, "RAM"),
    )


def _tab(tabs: Mapping[str, str], row: Tag) -> str:
    panel = row.find_parent(attrs={"role": "tabpanel"})
    return "" if panel is None else tabs.get(str(panel.get("id")), "")


def _bytes(cells: Mapping[str, str], label: str) -> int | None:
    match = MEMORY.fullmatch(cells.get(label, ""))
    if match is None:
        return None
    size = match["size"].replace(",", "")
    if match["unit"] == "GB":
        return gigabytes_to_bytes(size)
    bytes_ = gibibytes_to_bytes(size)
    return bytes_ * 1024 if bytes_ is not None and match["unit"] == "TiB" else bytes_


SOURCE = Source(
    source_id="lambda_page",
    title="Lambda price page",
    kind="page",
    homepage_url=URL,
    terms_url="https://lambda.ai/legal/terms-of-service",
    licence="terms",
    credit="Prices: Lambda",
    may_redistribute=False,
    allowed_hosts=("lambda.ai",),
    requests=one_request("pricing", URL),
    parse=parse,
    row_of_answer="plan of a tab",
    parser_version=1,
    expected_rows=(10, 80),
    currency="USD",
    price_basis="gpu",
    price_unit="hour",
    known_gpus=frozenset({"NVIDIA H100 SXM", "NVIDIA A100 SXM"}),
    disabled_reason=TERMS_UNREAD,
)

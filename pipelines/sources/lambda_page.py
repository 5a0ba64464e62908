"""Lambda's price page: US dollars per GPU and hour, by instance size, and clusters by term.

Every size of an instance (the tabs 8x, 4x, 2x, 1x) has its own price per GPU, so that the tab is
part of the sku. The clusters stand first on the page, are let for two weeks to a year, and are
told from instances by their column DURATION. A dash is no price.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from bs4 import BeautifulSoup
from bs4.element import Tag

from pipelines.sources.base import (
    TERMS_UNREAD,
    Fetching,
    Held,
    Payload,
    Request,
    Row,
    Source,
    decimal_or_none,
    gibibytes_to_bytes,
    gigabytes_to_bytes,
)
from pipelines.sources.price_page import AMOUNT, priced, printed_offer, soup_of, text_of

URL = "https://lambda.ai/pricing"
DOLLARS = re.compile(r"\$" + AMOUNT)
TAB = re.compile(r"(?P<count>\d+)\s*[x×]")
GPUS = re.compile(r"(?P<count>\d[\d,]*)\+?")
MEMORY = re.compile(r"(?P<size>\d[\d,.]*)\s*(?P<unit>GB|GiB|TiB)")


def requests(fetching: Fetching) -> Sequence[Request]:
    """Return the one request."""
    return (Request(key="pricing", url=URL),)


def parse(payload: Payload) -> Iterator[Row]:
    """Yield an offer for each instance size and each cluster that has a price."""
    soup = soup_of(payload)
    rows = soup.select("tr[data-plan]")
    return priced(payload, (offer for row in rows for offer in _offers(soup, row)))


def _offers(soup: BeautifulSoup, row: Tag) -> Iterator[Row]:
    plan = str(row["data-plan"]).strip()
    cells = {
        str(cell["data-label"]).rstrip("*"): text_of(cell)
        for cell in row.select("td[data-label]")
        if cell["data-label"] != "Action"
    }
    printed = {"plan": plan, "tab": _tab(soup, row), **cells}
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


def _tab(soup: BeautifulSoup, row: Tag) -> str:
    panel = row.find_parent(attrs={"role": "tabpanel"})
    if panel is None:
        return ""
    return text_of(soup.select_one(f'[role=tab][aria-controls="{panel.get("id")}"]'))


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
    requests=requests,
    parse=parse,
    parser_version=1,
    expected_rows=(10, 80),
    currency="USD",
    price_basis="gpu",
    price_unit="hour",
    known_gpus=frozenset({"NVIDIA H100 SXM", "NVIDIA A100 SXM"}),
    disabled_reason=TERMS_UNREAD,
)

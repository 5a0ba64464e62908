"""Civo's price page: US dollars per instance and hour, on demand and for 6 to 36 months.

Each cell holds the price by the hour and, hidden, by the month: the hour is read. The same tables
are listed under Compute and under Kubernetes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from bs4.element import Tag

from pipelines.sources.base import (
    NO_ACCELERATOR,
    TERMS_UNREAD,
    Held,
    OutOfScope,
    Payload,
    ReadRow,
    Row,
    Source,
    one_request,
)
from pipelines.sources.documents import soup_of
from pipelines.sources.fields import decimal_or_none, gigabytes_to_bytes
from pipelines.sources.price_page import (
    AMOUNT,
    GPU,
    each_priced,
    printed_offer,
    text_of,
)

URL = "https://www.civo.com/pricing"
PER_HOUR = re.compile(r"\$\s{0,3}" + AMOUNT + r"\s{0,3}per hour")
DETAIL = re.compile(r"(?P<count>\d{1,4}) x (?P<gpu>.{1,60}?) - (?P<gigabytes>\d{1,5})\s{0,3}GB")
TERM = re.compile(r"^(?P<months>\d{1,3})_months$")


def parse(payload: Payload) -> Iterator[ReadRow]:
    """Yield the on-demand and the committed offers of each GPU instance."""
    return each_priced(payload, soup_of(payload).select("tr"), _offers)


def _offers(line: Tag) -> Iterator[Row]:
    size = next(filter(None, (DETAIL.fullmatch(text_of(tag)) for tag in line.find_all(True))), None)
    if size is None and re.search(GPU, text_of(line)):
        reason = "a GPU, and no text such as '8 x NVIDIA H100 - 80GB'"
        yield Held(rule="shape_changed", reason=reason, row={"text": text_of(line)})
        return
    if size is None:
        yield OutOfScope(NO_ACCELERATOR)
        return
    cells = {str(cell.get("data-title")): cell for cell in line.select("td[data-title]")}
    fields: dict[str, Any] = {
        "provider_id": "civo",
        "sku": f"{size['gpu']} {size['gigabytes']}GB x{size['count']}",
        "gpu_name_printed": size["gpu"],
        "gpu_count": size["count"],
        "currency": "USD",
        "price_basis": "instance",
        "price_unit": "hour",
        "market_tier": "neocloud",
        "gpu_memory_bytes": gigabytes_to_bytes(size["gigabytes"]),
        "vcpu_count": decimal_or_none(text_of(cells.get("vCPU"))),
        "memory_bytes": gigabytes_to_bytes(text_of(cells.get("RAM")).removesuffix("GB")),
    }
    printed = {title: text_of(cell) for title, cell in cells.items()}
    yield from printed_offer(
        printed,
        _hourly(cells.get("On-demand price")),
        PER_HOUR,
        purchase_model="on_demand",
        **fields,
    )
    commitment = cells.get("Commitment price")
    for term in commitment.find_all(id=TERM) if commitment is not None else ():
        months = TERM.fullmatch(str(term.get("id")))
        if months is not None:
            yield from printed_offer(
                printed,
                _hourly(term),
                PER_HOUR,
                purchase_model="reserved",
                commitment_months=int(months["months"]),
                **fields,
            )


def _hourly(cell: Tag | None) -> str:
    return text_of(cell.select_one("[data-option=hourly]")) if cell is not None else ""


SOURCE = Source(
    source_id="civo",
    title="Civo price page",
    kind="page",
    homepage_url=URL,
    terms_url="https://www.civo.com/legal",
    licence="terms",
    credit="Prices: Civo",
    may_redistribute=False,
    allowed_hosts=("www.civo.com",),
    requests=one_request("pricing", URL),
    parse=parse,
    row_of_answer="line of a price table",
    parser_version=2,
    expected_rows=(10, 200),
    currency="USD",
    price_basis="instance",
    price_unit="hour",
    known_gpus=frozenset({"NVIDIA L40S"}),
    disabled_reason=TERMS_UNREAD,
)

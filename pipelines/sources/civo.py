"""Civo's price page: US dollars per instance and hour, on demand and for 6 to 36 months.

Each cell holds the price by the hour and, hidden, by the month: the hour is read. The same tables
stand under Compute and under Kubernetes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

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

URL = "https://www.civo.com/pricing"
PER_HOUR = re.compile(r"\$\s*" + AMOUNT + r"\s*per hour")
DETAIL = re.compile(r"(?P<count>\d+) x (?P<gpu>.+?) - (?P<gigabytes>\d+)\s*GB")
TERM = re.compile(r"(?P<months>\d+)_months")


def requests(fetching: Fetching) -> Sequence[Request]:
    """Return the one request."""
    return (Request(key="pricing", url=URL),)


def parse(payload: Payload) -> Iterator[Row]:
    """Yield the on-demand and the committed offers of each GPU instance."""
    details = soup_of(payload).select("table.pricing-table tr .product-detail")
    return priced(payload, (row for detail in details for row in _offers(detail)))


def _offers(detail: Tag) -> Iterator[Row]:
    line = detail.find_parent("tr")
    size = DETAIL.fullmatch(text_of(detail))
    if line is None or size is None:
        return  # an instance without GPUs
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
    requests=requests,
    parse=parse,
    parser_version=1,
    expected_rows=(10, 200),
    currency="USD",
    price_basis="instance",
    price_unit="hour",
    known_gpus=frozenset({"NVIDIA L40S"}),
    disabled_reason=TERMS_UNREAD,
)

"""Latitude.sh's price page: US dollars per server by the hour, the month and the year.

The plans are in the page's data, one price a region. The list in reais is Latitude's own and no
conversion: the list in dollars is read. Null and 0 mean not sold there. A region without stock
keeps its price. A month and a year are commitments; the year is the price of the whole year.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pipelines.sources.base import (
    NO_ACCELERATOR,
    TERMS_UNREAD,
    OutOfScope,
    Payload,
    PriceUnit,
    PurchaseModel,
    ReadRow,
    Row,
    Source,
    one_request,
)
from pipelines.sources.fields import (
    each_row,
    gigabytes_to_bytes,
    objects_in,
    offer_or_held,
)
from pipelines.sources.price_page import flight_text, json_after, priced

URL = "https://www.latitude.sh/pricing"
MARKER = '"plansData":{"servers":'
TERMS: tuple[tuple[str, PurchaseModel, PriceUnit, int | None], ...] = (
    ("hour", "on_demand", "hour", None),
    ("month", "reserved", "month", 1),
    ("year", "reserved", "term", 12),
)


def parse(payload: Payload) -> Iterator[ReadRow]:
    """Yield the offers of each GPU server, region and term."""
    plans = json_after(payload, flight_text(payload), MARKER)
    return priced(payload, each_row(payload, objects_in(plans), _offers))


def _offers(row: Mapping[str, Any]) -> Iterator[Row]:
    plan = row["attributes"]
    specs = plan["specs"]
    gpu = specs.get("gpu")
    if not gpu:
        yield OutOfScope(NO_ACCELERATOR)
        return
    for region in plan["regions"]:
        prices = region["pricing"]["USD"]
        for term, model, unit, months in TERMS:
            if prices[term] in (None, 0):
                yield OutOfScope("not sold this way in this region")
                continue
            yield offer_or_held(
                {"plan": plan["slug"], **region},
                price=prices[term],
                provider_id="latitude",
                sku=plan["slug"],
                gpu_name_printed=gpu["type"],
                gpu_count=gpu["count"],
                currency="USD",
                price_basis="instance",
                price_unit=unit,
                purchase_model=model,
                commitment_months=months,
                market_tier="neocloud",
                region=region["name"],
                gpu_memory_bytes=gigabytes_to_bytes(gpu["vram_per_gpu"]),
                memory_bytes=gigabytes_to_bytes(specs["memory"]["total"]),
                interconnect=gpu.get("interconnect"),
                is_available=region["stock_level"] != "unavailable",
            )


SOURCE = Source(
    source_id="latitude",
    title="Latitude.sh price page",
    kind="page",
    homepage_url=URL,
    terms_url="https://www.latitude.sh/",
    licence="terms",
    credit="Prices: Latitude.sh",
    may_redistribute=False,
    allowed_hosts=("www.latitude.sh",),
    requests=one_request("pricing", URL),
    parse=parse,
    row_of_answer="server plan",
    parser_version=1,
    expected_rows=(5, 600),
    currency="USD",
    price_basis="instance",
    known_gpus=frozenset({"NVIDIA H100"}),
    disabled_reason=TERMS_UNREAD,
)

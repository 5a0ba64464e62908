"""Verda (DataCrunch until 2025): instance prices as strings, on demand and spot.

``gpu_memory`` is the total of the instance. The locations where an instance is in stock are not in
this answer, so an offer has no region: listing every type in every location would invent offers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pipelines.sources.base import (
    NO_ACCELERATOR,
    Held,
    OutOfScope,
    Payload,
    PurchaseModel,
    ReadRow,
    Row,
    Source,
    one_request,
)
from pipelines.sources.fields import (
    decimal_or_none,
    each_row,
    gigabytes_to_bytes,
    objects_at,
    offer_or_held,
    part_of,
    whole_or_none,
)

PRICES: tuple[tuple[str, PurchaseModel], ...] = (
    ("price_per_hour", "on_demand"),
    ("spot_price", "spot"),
)


def parse(payload: Payload) -> Iterator[ReadRow]:
    """Yield the offers of each instance type that has GPUs."""
    return each_row(payload, objects_at(payload), _offers)


def _gpu_count(row: Mapping[str, Any]) -> object:
    gpu = row.get("gpu")
    return gpu.get("number_of_gpus") if isinstance(gpu, dict) else gpu


def _offers(row: Mapping[str, Any]) -> Iterator[Row]:
    if _gpu_count(row) == 0:
        yield OutOfScope(NO_ACCELERATOR)
        return
    description, count = row["gpu"]["description"], whole_or_none(row["gpu"]["number_of_gpus"])
    printed_count = re.match(r"(\d{1,4})x ", description)
    if printed_count is None or int(printed_count[1]) != count:
        reason = f"{row['gpu']['number_of_gpus']!r} GPUs, but the text says {description!r}"
        yield Held(rule="gpu_count_disagrees", reason=reason, row=row)
        return
    memory = gigabytes_to_bytes(part_of(row, "gpu_memory", "size_in_gigabytes"))
    for field, purchase_model in PRICES:
        yield offer_or_held(
            row,
            price=row[field],
            provider_id="verda",
            sku=row["instance_type"],
            gpu_name_printed=f"1x {description[printed_count.end() :]}",  # one name for a card
            gpu_count=count,
            currency=row["currency"].upper(),
            price_basis="instance",
            price_unit="hour",
            purchase_model=purchase_model,
            market_tier="neocloud",
            gpu_memory_bytes=memory // count if memory and count else None,
            vcpu_count=decimal_or_none(part_of(row, "cpu", "number_of_cores")),
            memory_bytes=gigabytes_to_bytes(part_of(row, "memory", "size_in_gigabytes")),
        )


SOURCE = Source(
    source_id="verda",
    title="Verda instance types",
    kind="api",
    homepage_url="https://verda.com",
    terms_url="https://verda.com",
    credit="Prices: Verda",
    allowed_hosts=("api.datacrunch.io", "api.verda.com"),
    requests=one_request("instance_types", "https://api.datacrunch.io/v1/instance-types"),
    parse=parse,
    row_of_answer="element of the answer",
    parser_version=1,
    expected_rows=(20, 400),
    price_basis="instance",
    price_unit="hour",
    known_gpus=frozenset({"1x H100 SXM5 80GB"}),
    disabled_reason="the terms of use prohibit scrapers",
)

"""CloudRift: virtual machines by GPU brand, priced per instance in US cents.

``vram`` is kept for one-GPU machines only: the answer does not say whether it is the total.
``nodes_per_dc`` counts the machines of a place, ``available_nodes_per_dc`` the free ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from pipelines.sources.base import (
    NO_ACCELERATOR,
    Fetching,
    OutOfScope,
    Payload,
    ReadRow,
    Request,
    Row,
    Source,
)
from pipelines.sources.fields import (
    decimal_or_none,
    each_row,
    objects_at,
    offer_or_held,
    whole_or_none,
)

CENT = Decimal("0.01")
BODY = {
    "version": "2025-03-21",
    "data": {"selector": {"ByServiceAndLocation": {"services": ["vm"]}}},
}


def requests(fetching: Fetching) -> Sequence[Request]:
    """Return the one request."""
    url = "https://api.cloudrift.ai/api/v1/instance-types/list"
    return (Request(key="instance_types", url=url, method="POST", json_body=BODY),)


def parse(payload: Payload) -> Iterator[ReadRow]:
    """Yield one offer for each variant of a brand and data centre."""
    return each_row(payload, objects_at(payload, "data", "instance_types"), _offers)


def _offers(row: Mapping[str, Any]) -> Iterator[Row]:
    if not row.get("brand_short"):
        yield OutOfScope(NO_ACCELERATOR)
        return
    for variant in row["variants"]:
        free = variant.get("available_nodes_per_dc") or {}
        if not free and "available_nodes" in variant:
            free = {None: variant["available_nodes"]}
        for place in sorted({**(variant.get("nodes_per_dc") or {}), **free}, key=str) or [None]:
            yield offer_or_held(
                {"brand_short": row["brand_short"], **variant},
                price=variant["cost_per_hour"],
                factor=CENT,
                provider_id="cloudrift",
                sku=variant["name"],
                gpu_name_printed=row["brand_short"],
                gpu_count=variant["gpu_count"],
                currency="USD",
                price_basis="instance",
                price_unit="hour",
                purchase_model="on_demand",
                market_tier="marketplace_secure",
                region=place,
                gpu_memory_bytes=variant.get("vram") if variant["gpu_count"] == 1 else None,
                vcpu_count=decimal_or_none(variant.get("cpu_count")),
                memory_bytes=whole_or_none(variant.get("dram")),
                is_available=_is_free(variant, free, place),
            )


def _is_free(
    variant: Mapping[str, Any], free: Mapping[str | None, Any], place: str | None
) -> bool | None:
    """Return whether a machine is free there; a place that the list of free ones lacks has none."""
    if free:
        return bool(free.get(place, 0) > 0)
    return False if "available_nodes_per_dc" in variant else None


SOURCE = Source(
    source_id="cloudrift",
    title="CloudRift instance types",
    kind="api",
    homepage_url="https://www.cloudrift.ai",
    terms_url="https://www.cloudrift.ai",
    credit="Prices: CloudRift",
    allowed_hosts=("api.cloudrift.ai",),
    requests=requests,
    parse=parse,
    row_of_answer="element of data.instance_types",
    parser_version=2,
    expected_rows=(2, 200),
    currency="USD",
    price_basis="instance",
    price_unit="hour",
    known_gpus=frozenset({"RTX 4090", "RTX 5090"}),
)

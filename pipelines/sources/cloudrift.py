"""CloudRift: virtual machines by GPU brand, priced per instance in US cents.

``vram`` is kept for one-GPU machines only: whether it is the total is not said.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from pipelines.sources.base import (
    Fetching,
    Payload,
    Request,
    Row,
    Source,
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


def parse(payload: Payload) -> Iterator[Row]:
    """Yield one offer for each variant of a brand and data centre."""
    rows = [row for row in objects_at(payload, "data", "instance_types") if row.get("brand_short")]
    return each_row(payload, rows, _offers)


def _offers(row: Mapping[str, Any]) -> Iterator[Row]:
    for variant in row["variants"]:
        for data_center, nodes in variant["nodes_per_dc"].items():
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
                region=data_center,
                gpu_memory_bytes=variant["vram"] if variant["gpu_count"] == 1 else None,
                vcpu_count=decimal_or_none(variant["cpu_count"]),
                memory_bytes=whole_or_none(variant["dram"]),
                is_available=nodes > 0,
            )


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
    parser_version=1,
    expected_rows=(2, 200),
    currency="USD",
    price_basis="instance",
    price_unit="hour",
    known_gpus=frozenset({"RTX 4090", "RTX 5090"}),
)

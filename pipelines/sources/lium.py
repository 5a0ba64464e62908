"""Lium: a marketplace's public list of nodes, priced per GPU.

A node is rented from ``min_rentable_gpu_count`` GPUs up to all of them. Both ends are offers,
because a single GPU of a node that is rented whole is not available. ``tier`` spot means that the
node can be taken back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from pipelines.sources.base import (
    Held,
    MarketTier,
    Payload,
    PurchaseModel,
    ReadRow,
    Row,
    Source,
    four_times,
    one_request,
)
from pipelines.sources.fields import (
    decimal_or_none,
    each_row,
    gigabytes_to_bytes,
    objects_at,
    offer_or_held,
    sku_of,
    whole_or_none,
)

TIERS: dict[str, tuple[PurchaseModel, MarketTier]] = {
    "secure": ("on_demand", "marketplace_secure"),
    "spot": ("spot", "marketplace_community"),
}


def parse(payload: Payload) -> Iterator[ReadRow]:
    """Yield the smallest and the largest rental of each node."""
    return each_row(payload, objects_at(payload, "nodes"), _offers)


def _offers(row: Mapping[str, Any]) -> Iterator[Row]:
    per_gpu, per_node = (
        decimal_or_none(row["price_per_gpu_hour"]),
        decimal_or_none(row.get("price_per_node_hour")),
    )
    count = row["gpu_count"]
    least = row.get("min_rentable_gpu_count") or count  # the whole node is always available
    if row["tier"] not in TIERS:
        yield Held(rule="tier_unknown", reason=f"tier is {row['tier']!r}", row=row)
        return
    if per_gpu and per_node and abs(per_gpu * count - per_node) > Decimal("0.02") * per_node:
        reason = f"{count} x {per_gpu} is not the {per_node} of the node"
        yield Held(rule="price_disagrees", reason=reason, row=row)
        return
    purchase_model, tier = TIERS[row["tier"]]
    place = [row.get("country_code"), row.get("region")]
    cpus, ram, free = (
        decimal_or_none(row.get(name)) for name in ("cpu_count", "ram_gb", "available_gpu_count")
    )
    for rented in dict.fromkeys((least, count)):
        share = Decimal(whole_or_none(rented) or 0) / count
        yield offer_or_held(
            row,
            price=row["price_per_gpu_hour"],
            provider_id="lium",
            sku=sku_of(row["id"], rented),
            gpu_name_printed=row["gpu_model"],
            gpu_count=rented,
            currency="USD",
            price_basis="gpu",
            price_unit="hour",
            purchase_model=purchase_model,
            market_tier=tier,
            region="-".join(part for part in place if part) or None,
            gpu_memory_bytes=gigabytes_to_bytes(row.get("gpu_memory_gb")),
            vcpu_count=round(cpus * share, 2) if cpus else None,
            memory_bytes=gigabytes_to_bytes(ram * share) if ram else None,
            is_available=None if free is None else free >= rented,
            offer_url=row.get("rent_url"),
        )


SOURCE = Source(
    source_id="lium",
    title="Lium public nodes",
    kind="marketplace",
    homepage_url="https://lium.io",
    terms_url="https://docs.lium.io/developers/public-nodes-feed",
    credit="Prices: Lium",
    allowed_hosts=("lium.io",),
    requests=one_request("nodes", "https://lium.io/api/public/v1/nodes"),
    parse=parse,
    row_of_answer="element of nodes",
    parser_version=1,
    verified_with="excerpt",
    verified_on=date(2026, 9, 10),
    expected_rows=(10, 5000),
    max_bytes=four_times(1_754),
    currency="USD",
    price_basis="gpu",
    price_unit="hour",
    known_gpus=frozenset({"RTX 4090", "A100-SXM4-80GB"}),
)

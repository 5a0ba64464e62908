"""Shadeform: about twenty small clouds in one answer; whole instances, in US cents.

An aggregator: its rows witness the clouds' own prices (``provider_id`` is the cloud), margin
included. Others call it without a key; its own documentation asks for one: not verified.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from pipelines.sources.base import (
    Payload,
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
    sku_of,
)
from pipelines.sources.providers import market_tier, provider_id

CENT = Decimal("0.01")
NOWHERE: tuple[Mapping[str, Any], ...] = ({"region": None, "available": False},)


def parse(payload: Payload) -> Iterator[ReadRow]:
    """Yield one offer for each instance type and region that it is listed in."""
    return each_row(payload, objects_at(payload, "instance_types"), _offers)


def _offers(row: Mapping[str, Any]) -> Iterator[Row]:
    configuration = row["configuration"]
    provider = provider_id(row["cloud"])
    for place in row["availability"] or NOWHERE:
        available = place["available"]
        yield offer_or_held(
            row,
            price=row["hourly_price"],
            factor=CENT,
            provider_id=provider,
            sku=sku_of(row["cloud"], row["shade_instance_type"], row["cloud_instance_type"]),
            gpu_name_printed=configuration["gpu_type"],
            gpu_count=configuration["num_gpus"],
            currency="USD",
            price_basis="instance",
            price_unit="hour",
            purchase_model="on_demand",
            market_tier=market_tier(provider),
            region=place["region"],
            gpu_memory_bytes=gigabytes_to_bytes(configuration.get("vram_per_gpu_in_gb")),
            vcpu_count=decimal_or_none(configuration.get("vcpus")),
            memory_bytes=gigabytes_to_bytes(configuration.get("memory_in_gb")),
            interconnect=configuration.get("interconnect"),
            is_available=available if isinstance(available, bool) else None,
        )


SOURCE = Source(
    source_id="shadeform",
    title="Shadeform instance types",
    kind="feed",
    homepage_url="https://www.shadeform.ai",
    terms_url="https://www.shadeform.ai/terms-of-service",
    credit="Prices: Shadeform",
    allowed_hosts=("api.shadeform.ai",),
    requests=one_request("types", "https://api.shadeform.ai/v1/instances/types"),
    parse=parse,
    row_of_answer="element of instance_types",
    parser_version=1,
    expected_rows=(50, 3000),
    currency="USD",
    price_basis="instance",
    price_unit="hour",
    known_gpus=frozenset({"A100_80G", "H100", "H100_sxm5"}),
    disabled_reason="the terms restrict compiling a database and automated access without leave",
)

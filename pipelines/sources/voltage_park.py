"""Voltage Park's public catalogue: virtual machines by the instance, whole nodes by the GPU.

Nodes have one price on Ethernet and one on InfiniBand. A count of 0 means none free now, not that
the price is gone. Storage of a machine is billed beside it and left out here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from pipelines.sources.base import (
    NO_ACCELERATOR,
    TERMS_UNREAD,
    Fetching,
    OutOfScope,
    Payload,
    ReadRow,
    Request,
    Row,
    Source,
    four_times,
)
from pipelines.sources.fields import (
    any_free,
    decimal_or_none,
    each_row,
    gigabytes_to_bytes,
    objects_at,
    offer_or_held,
    sku_of,
)

API = "https://cloud-api.voltagepark.com/api/v1"


def requests(fetching: Fetching) -> Sequence[Request]:
    """Return one request for machines and one for nodes."""
    return (
        Request(key="instant-deploy-presets", url=f"{API}/instant-deploy-presets/"),
        Request(key="bare-metal", url=f"{API}/bare-metal/locations"),
    )


def parse(payload: Payload) -> Iterator[ReadRow]:
    """Yield the offers of the presets, or of the locations."""
    if payload.key.startswith("bare-metal"):
        return each_row(payload, objects_at(payload, "results"), _node_offers)
    return each_row(payload, objects_at(payload), _machine_offers)


def _machine_offers(row: Mapping[str, Any]) -> Iterator[Row]:
    resources = row["resources"]
    if not resources["gpus"]:
        yield OutOfScope(NO_ACCELERATOR)
    for gpu, quantity in resources["gpus"].items():
        yield offer_or_held(
            row,
            price=row["compute_rate_hourly"],
            provider_id="voltagepark",
            sku=f"vm {quantity['count']}x {gpu}",
            gpu_name_printed=gpu,
            gpu_count=quantity["count"],
            currency="USD",  # not printed; the site's prices are in US dollars
            price_basis="instance",
            price_unit="hour",
            purchase_model="on_demand",
            market_tier="neocloud",
            vcpu_count=decimal_or_none(resources.get("vcpu_count")),
            memory_bytes=gigabytes_to_bytes(resources.get("ram_gb")),
            is_available=any_free(row.get("location_ids_with_availability")),
        )


def _node_offers(row: Mapping[str, Any]) -> Iterator[Row]:
    node = row["specs_per_node"]
    for link in ("ethernet", "infiniband"):
        yield offer_or_held(
            row,
            price=row[f"gpu_price_{link}"],
            provider_id="voltagepark",
            sku=f"node {node['gpu_model']} {link} {sku_of(row['id'])}",
            gpu_name_printed=node["gpu_model"],
            gpu_count=node["gpu_count"],
            currency="USD",  # not printed; the site's prices are in US dollars
            price_basis="gpu",
            price_unit="hour",
            purchase_model="on_demand",
            market_tier="neocloud",
            memory_bytes=gigabytes_to_bytes(node.get("ram_gb")),
            interconnect=link,
            is_available=row[f"gpu_count_{link}"] > 0,
        )


SOURCE = Source(
    source_id="voltage_park",
    title="Voltage Park catalogue",
    kind="api",
    homepage_url="https://www.voltagepark.com/pricing",
    terms_url="https://www.voltagepark.com/",
    licence="terms",
    credit="Prices: Voltage Park",
    may_redistribute=False,
    allowed_hosts=("cloud-api.voltagepark.com",),
    requests=requests,
    parse=parse,
    row_of_answer="element of the answer",
    parser_version=1,
    verified_with="whole",
    verified_on=date(2026, 8, 22),
    expected_rows=(3, 60),
    max_bytes=four_times(1_170),
    currency="USD",
    price_unit="hour",
    known_gpus=frozenset({"h100-sxm5-80gb"}),
    disabled_reason=TERMS_UNREAD,
)

"""Daytona: sandboxes billed by part; the price is the sum for a documented shape of one GPU.

A GPU comes with vCPUs and memory that are billed separately, so the GPU's rate alone is not an
offer. The shape is the one that others publish: 8 vCPUs and 100 GiB per GPU, 50 GiB with consumer
cards. Disk is left out. A type that has a price but cannot be ordered is held.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Any

from pipelines.sources.base import (
    Held,
    ParseError,
    Payload,
    PurchaseModel,
    ReadRow,
    Row,
    Source,
    four_times,
    one_request,
)
from pipelines.sources.fields import (
    each_row,
    gibibytes_to_bytes,
    objects_at,
    offer_or_held,
    price_or_held,
    value_at,
)

VCPUS_PER_GPU = Decimal(8)
GIBIBYTES_PER_GPU, GIBIBYTES_PER_CONSUMER_GPU = Decimal(100), Decimal(50)
CONSUMER = ("RTX-4", "RTX-5")
# The create call refuses these types, and public clients leave them out (2026-09).
CANNOT_BE_ORDERED = {"B200"}
PRICES: tuple[tuple[str, PurchaseModel], ...] = (("onDemand", "on_demand"), ("spot", "spot"))


def parse(payload: Payload) -> Iterator[ReadRow]:
    """Yield the on-demand and the spot offer of each GPU type."""
    gpus, currency = objects_at(payload, "gpus"), value_at(payload, "currency")
    if not isinstance(currency, str):
        raise ParseError(f"{payload.where()}: no 'currency'; in which currency is it?")
    resources = value_at(payload, "resources")
    return each_row(payload, gpus, partial(_offers, currency=currency.upper(), resources=resources))


def _offers(row: Mapping[str, Any], currency: str, resources: Mapping[str, Any]) -> Iterator[Row]:
    name = row["type"]
    if name in CANNOT_BE_ORDERED:
        yield Held(rule="not_offered", reason=f"{name} has a price, but cannot be ordered", row=row)
        return
    gibibytes = GIBIBYTES_PER_CONSUMER_GPU if name.startswith(CONSUMER) else GIBIBYTES_PER_GPU
    for capacity, purchase_model in PRICES:
        rates = resources[capacity]
        printed = (row[f"{capacity}PricePerHour"], rates["vcpuPerHour"], rates["memoryGiBPerHour"])
        parts = [price_or_held(part, {**row, "resources": rates}) for part in printed]
        held = next((part for part in parts if isinstance(part, Held)), None)
        if held:
            yield held
            continue
        gpu, vcpu, gibibyte = (part for part in parts if isinstance(part, Decimal))
        yield offer_or_held(
            row,
            price=gpu + VCPUS_PER_GPU * vcpu + gibibytes * gibibyte,
            provider_id="daytona",
            sku=name,
            gpu_name_printed=name,
            gpu_count=1,
            currency=currency,
            price_basis="instance",
            price_unit="hour",
            purchase_model=purchase_model,
            market_tier="neocloud",
            vcpu_count=VCPUS_PER_GPU,
            memory_bytes=gibibytes_to_bytes(gibibytes),
        )


SOURCE = Source(
    source_id="daytona",
    title="Daytona GPU pricing",
    kind="api",
    homepage_url="https://www.daytona.io/pricing",
    terms_url="https://www.daytona.io",
    credit="Prices: Daytona",
    allowed_hosts=("billing.app.daytona.io",),
    requests=one_request("gpu_pricing", "https://billing.app.daytona.io/gpu-pricing"),
    parse=parse,
    row_of_answer="element of gpus",
    parser_version=2,
    verified_with="whole",
    verified_on=date(2026, 9, 23),
    expected_rows=(4, 60),
    max_bytes=four_times(1_575),
    price_basis="instance",
    price_unit="hour",
    known_gpus=frozenset({"H100", "H200"}),
)

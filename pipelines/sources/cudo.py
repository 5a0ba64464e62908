"""Cudo Compute: a GPU price to which vCPUs and memory are added; the smallest machine is priced.

Price of one GPU's machine = GPU + least vCPUs x vCPU price + least memory x memory price, where
the least memory is what these vCPUs must have (``maxVcpuPerMemoryGib``), or ``minMemoryGib``. The
GPU price alone is not an offer: it cannot be rented alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import ROUND_CEILING
from typing import Any

from pipelines.sources.base import (
    NO_ACCELERATOR,
    Held,
    OutOfScope,
    Payload,
    ReadRow,
    Row,
    Source,
    four_times,
    one_request,
)
from pipelines.sources.fields import (
    decimal_or_none,
    each_row,
    gibibytes_to_bytes,
    objects_at,
    offer_or_held,
    prices_or_held,
    sku_of,
)


def parse(payload: Payload) -> Iterator[ReadRow]:
    """Yield one offer for each data centre and machine type that has GPUs."""
    return each_row(payload, objects_at(payload, "machineTypes"), _offers)


def _offers(row: Mapping[str, Any]) -> Iterator[Row]:
    if row["gpuModelId"] == "":
        yield OutOfScope(NO_ACCELERATOR)
        return
    printed = [row[f"{part}PriceHr"]["value"] for part in ("gpu", "vcpu", "memoryGib")]
    parts = prices_or_held(printed, row)
    vcpus = decimal_or_none(row["minVcpuPerGpu"])
    vcpus_per_gibibyte = decimal_or_none(row["maxVcpuPerMemoryGib"])
    if isinstance(parts, Held):
        yield parts
        return
    if vcpus is None or vcpus <= 0 or vcpus_per_gibibyte is None or vcpus_per_gibibyte <= 0:
        yield Held(rule="sum_incomplete", reason="vCPUs or memory not said", row=row)
        return
    gpu, vcpu, gibibyte = parts
    vcpus = max(vcpus, decimal_or_none(row.get("minVcpu")) or vcpus)
    gibibytes = (vcpus / vcpus_per_gibibyte).to_integral_value(ROUND_CEILING)
    gibibytes = max(gibibytes, decimal_or_none(row.get("minMemoryGib")) or gibibytes)
    yield offer_or_held(
        row,
        price=gpu + vcpus * vcpu + gibibytes * gibibyte,
        provider_id="cudo",
        sku=sku_of(row["machineType"], row["gpuModelId"]),
        gpu_name_printed=row["gpuModelId"],
        gpu_count=1,
        currency="USD",
        price_basis="instance",
        price_unit="hour",
        purchase_model="on_demand",
        market_tier="neocloud",
        region=row["dataCenterId"],
        vcpu_count=vcpus,
        memory_bytes=gibibytes_to_bytes(gibibytes),
        is_available=row["totalGpuFree"] > 0,
    )


SOURCE = Source(
    source_id="cudo",
    title="Cudo Compute machine types",
    kind="api",
    homepage_url="https://www.cudocompute.com/pricing",
    terms_url="https://www.cudocompute.com",
    credit="Prices: Cudo Compute",
    allowed_hosts=("rest.compute.cudo.org",),
    requests=one_request("machine_types", "https://rest.compute.cudo.org/v1/vms/machine-types"),
    parse=parse,
    row_of_answer="element of machineTypes",
    parser_version=1,
    verified_with="excerpt",
    verified_on=date(2024, 1, 1),
    expected_rows=(5, 300),
    max_bytes=four_times(616),
    currency="USD",
    price_basis="instance",
    price_unit="hour",
    known_gpus=frozenset({"nvidia-rtx-a6000"}),
    disabled_reason="whether it may be read without a key is unclear: reports disagree",
)

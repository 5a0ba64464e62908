"""Google Cloud prices by machine type and region, from Cyclenerd's pricing.yml.

The file adds up what Google bills apart (vCPU, memory, GPU, local SSD), so its prices are of whole
machines. Of its 8 MB only the GPU machine types are read: their blocks are cut out of the text
and handed to the YAML reader. Where a region has no price for the GPU, the sum is that of the host
alone; such a price is far below the same machine elsewhere and is held.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from statistics import median
from typing import Any

from pipelines.sources.base import (
    NO_ACCELERATOR,
    GitHistory,
    Held,
    OutOfScope,
    ParseError,
    Payload,
    PriceUnit,
    PurchaseModel,
    ReadRow,
    Row,
    Source,
    four_times,
    one_request,
)
from pipelines.sources.documents import yaml_of
from pipelines.sources.fields import decimal_or_none, each_row, gigabytes_to_bytes, offer_or_held
from pipelines.sources.instance_types import instance_type

URL = (
    "https://raw.githubusercontent.com/Cyclenerd/google-cloud-pricing-cost-calculator/master/"
    "pricing.yml"
)
INSTANCES = re.compile(r"^compute:\n  instance:\n", re.MULTILINE)
NEXT_SECTION = re.compile(r"^ {0,3}\S", re.MULTILINE)
MACHINE = re.compile(r"    (?P<name>\S{1,80}):")
GPU_FAMILY = re.compile(r"^(a[2-9]x?-|g[2-9]-|ct\d)")
HOST_ONLY_BELOW = Decimal("0.5")  # [1] of the median over regions; a GPU is most of its machine

# field: purchase model, unit, months. Committed use is billed by the month, nothing up front.
PRICES: dict[str, tuple[PurchaseModel, PriceUnit, int | None]] = {
    "hour": ("on_demand", "hour", None),
    "hour_spot": ("spot", "hour", None),
    "month_1y": ("reserved", "month", 12),
    "month_3y": ("reserved", "month", 36),
}


def parse(payload: Payload) -> Iterator[ReadRow]:
    """Yield hour, spot, 1-year and 3-year prices of every GPU machine type in every region."""
    machines = [
        {"machine_type": name, **(block if isinstance(block, dict) else {})}
        for name, block in _blocks(payload).items()
    ]
    if not any(GPU_FAMILY.match(machine["machine_type"]) for machine in machines):
        raise ParseError(f"{payload.where()}: no GPU machine type; did the layout change?")
    yield from each_row(payload, machines, _offers)


def _blocks(payload: Payload) -> dict[str, Any]:
    """Return the machine types; the YAML of those without GPUs is not read."""
    text = payload.text()
    start = INSTANCES.search(text)
    if start is None:
        raise ParseError(f"{payload.where()}: no compute.instance; did the layout change?")
    end = NEXT_SECTION.search(text, start.end())
    instances = text[start.end() : end.start() if end else len(text)]
    machines = _machines(instances)
    found = yaml_of(payload, "\n".join(line for lines in machines.values() for line in lines))
    if found is not None and not isinstance(found, dict):
        raise ParseError(f"{payload.where()}: compute.instance is not a mapping")
    return {**dict.fromkeys(machines), **(found or {})}


def _machines(instances: str) -> dict[str, list[str]]:
    """Return the lines of each machine type's block; none where it has no GPU."""
    blocks: dict[str, list[str]] = {}
    lines: list[str] = []  # of the present block; those of no block go nowhere
    for line in instances.split("\n"):
        if line and not line.startswith("     "):
            lines = []
            if machine := MACHINE.fullmatch(line):
                blocks[machine["name"]] = lines if GPU_FAMILY.match(machine["name"]) else []
        lines.append(line)
    return blocks


def _offers(machine: Mapping[str, Any]) -> Iterator[Row]:
    name = machine["machine_type"]
    if not GPU_FAMILY.match(name):
        yield OutOfScope(NO_ACCELERATOR)
        return
    held = instance_type("gcp", name)
    if held is None:
        reason = f"{name} is of a GPU family, but how many of what is not in the table"
        yield Held(rule="instance_type_unknown", reason=reason, row={"machine_type": name})
        return
    if not held.is_whole:
        reason = f"{name} holds {held.gpu_count} of a GPU"
        yield Held(rule="fractional_gpu", reason=reason, row={"machine_type": name})
        return
    costs = machine["cost"]
    hours = [hour for cost in costs.values() if (hour := decimal_or_none(cost.get("hour")))]
    floor = median(hours) * HOST_ONLY_BELOW if hours else Decimal(0)
    for region, cost in costs.items():
        row = {"machine_type": name, "region": region, **cost}
        if (decimal_or_none(cost.get("hour")) or floor) < floor:
            reason = f"{cost['hour']} is under half of what {name} costs elsewhere: no GPU in it"
            yield Held(rule="host_without_gpu", reason=reason, row=row)
            continue
        for field, (model, unit, months) in PRICES.items():
            if not cost.get(field) and field != "hour":
                yield OutOfScope("not offered this way there")  # early versions print 0
                continue
            yield offer_or_held(
                row,
                price=cost.get(field),
                provider_id="gcp",
                sku=name,
                gpu_name_printed=held.gpu,
                gpu_count=int(held.gpu_count),
                currency="USD",
                price_basis="instance",
                price_unit=unit,
                purchase_model=model,
                market_tier="hyperscaler",
                region=region,
                commitment_months=months,
                upfront_fraction=Decimal(0) if months else None,
                gpu_memory_bytes=held.gpu_memory_bytes,
                vcpu_count=decimal_or_none(machine.get("cpu")),
                memory_bytes=gigabytes_to_bytes(machine.get("ram")),
                form_factor=held.form_factor,
            )


SOURCE = Source(
    source_id="gcp_pricing_yml",
    title="Google Cloud prices by machine type and region (pricing.yml)",
    kind="feed",
    homepage_url="https://github.com/Cyclenerd/google-cloud-pricing-cost-calculator",
    terms_url="https://github.com/Cyclenerd/google-cloud-pricing-cost-calculator",
    licence="Apache-2.0",
    credit="Nils Knieling, google-cloud-pricing-cost-calculator (Apache-2.0)",
    may_redistribute=True,
    allowed_hosts=("raw.githubusercontent.com",),
    requests=one_request("pricing", URL),
    parse=parse,
    row_of_answer="machine type of compute.instance",
    parser_version=1,
    verified_with="whole",
    verified_on=date(2026, 7, 30),
    expected_rows=(250, 9000),
    copies_list=True,
    max_bytes=four_times(8_000_000),
    past=GitHistory(first_day=date(2022, 2, 9)),
    currency="USD",
    price_basis="instance",
    known_gpus=frozenset({"nvidia-tesla-a100"}),
    cadence_hours=24 * 7,
)

"""Google Cloud prices by machine type and region, from Cyclenerd's pricing.yml.

The file adds up what Google bills apart (vCPU, memory, GPU, local SSD), so its prices are of whole
machines. Of its 8 MB only the GPU machine types are read: their blocks are cut out of the text
and handed to the YAML reader. Where a region has no price for the GPU, the sum is that of the host
alone; such a price is far below the same machine elsewhere and is held.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from statistics import median
from typing import Any

import yaml

from pipelines.sources.base import (
    Fetching,
    Held,
    ParseError,
    Payload,
    PriceUnit,
    PurchaseModel,
    Request,
    Row,
    Source,
    decimal_or_none,
    each_row,
    gigabytes_to_bytes,
    offer_or_held,
)
from pipelines.sources.instance_types import instance_type

URL = (
    "https://raw.githubusercontent.com/Cyclenerd/google-cloud-pricing-cost-calculator/master/"
    "pricing.yml"
)
INSTANCES = re.compile(r"^compute:\n  instance:\n", re.MULTILINE)
NEXT_SECTION = re.compile(r"^ {0,3}\S", re.MULTILINE)
BLOCK = re.compile(r"^    (?P<name>\S+):\n(?:     .*\n|\n)*", re.MULTILINE)
GPU_FAMILY = re.compile(r"^(a[2-9]x?-|g[2-9]-|ct\d)")
HOST_ONLY_BELOW = Decimal("0.5")  # [1] of the median over regions; a GPU is most of its machine

# field: purchase model, unit, months. Committed use is billed by the month, nothing up front.
PRICES: dict[str, tuple[PurchaseModel, PriceUnit, int | None]] = {
    "hour": ("on_demand", "hour", None),
    "hour_spot": ("spot", "hour", None),
    "month_1y": ("reserved", "month", 12),
    "month_3y": ("reserved", "month", 36),
}


def requests(fetching: Fetching) -> list[Request]:
    """Ask for the file."""
    return [Request(key="pricing", url=URL)]


def parse(payload: Payload) -> Iterator[Row]:
    """Yield hour, spot, 1-year and 3-year prices of every GPU machine type in every region."""
    machines = [{"machine_type": name, **block} for name, block in _gpu_blocks(payload).items()]
    if not machines:
        raise ParseError(f"{payload.where()}: no GPU machine type; did the layout change?")
    yield from each_row(payload, machines, _offers)


def _gpu_blocks(payload: Payload) -> dict[str, Any]:
    """Return the YAML of the GPU machine types, without reading the rest of the file."""
    text = payload.text()
    start = INSTANCES.search(text)
    if start is None:
        raise ParseError(f"{payload.where()}: no compute.instance; did the layout change?")
    end = NEXT_SECTION.search(text, start.end())
    instances = text[start.end() : end.start() if end else len(text)]
    blocks = "".join(
        match[0] for match in BLOCK.finditer(instances) if GPU_FAMILY.match(match["name"])
    )
    try:
        found = yaml.load(blocks, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError as error:
        raise ParseError(f"{payload.where()}: not YAML: {str(error).splitlines()[0]}") from error
    if found is not None and not isinstance(found, dict):
        raise ParseError(f"{payload.where()}: compute.instance is no mapping")
    return found or {}


def _offers(machine: Mapping[str, Any]) -> Iterator[Row]:
    name = machine["machine_type"]
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
                continue  # not offered there; early versions print 0
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
    requests=requests,
    parse=parse,
    parser_version=1,
    expected_rows=(250, 9000),
    currency="USD",
    price_basis="instance",
    known_gpus=frozenset({"nvidia-tesla-a100"}),
    cadence_hours=24 * 7,
)

"""Reading of catalogues in SkyPilot's CSV format, shared by every source that publishes them.

Columns are found by name: their order differs from cloud to cloud. A row prices a whole machine,
but for GCP, where machines and their GPUs are separate rows that only together make a price.
What a catalogue fills in for want of knowledge is held: a spot price of 0 or equal to on demand,
one round price on every model, one price on every slice size.
"""

from __future__ import annotations

import csv
import io
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import NamedTuple

from pipelines.sources.base import (
    Held,
    MarketTier,
    Offer,
    ParseError,
    Payload,
    PurchaseModel,
    Row,
    decimal_or_none,
    gibibytes_to_bytes,
    price_or_held,
    whole_or_none,
)
from pipelines.sources.instance_types import InstanceType, instance_type
from pipelines.sources.providers import market_tier, provider_id

NEEDED = ("InstanceType", "AcceleratorName", "AcceleratorCount", "Price", "Region")
NEEDED_OF_GCP = ("AvailabilityZone", "SpotPrice")  # where a machine meets its GPUs
TABLED_CLOUDS = {"aws", "azure", "gcp"}
SIZE_IN_MEBIBYTES = re.compile(r"SizeInMiB['\"]?:\s*(\d+)")
GIGABYTES_BELOW = 1024  # RunPod's and Shadeform's "SizeInMiB" holds gigabytes
VAST_INSTANCE = re.compile(r"^\d+x-(?P<gpu>.+?)-\d+-\d+$")
GENERATION = re.compile(r"^V\d$")
FORM_FACTOR = re.compile(r"(?i)(?<![a-z])(sxm|pcie|nvl)(?!ink)")
FORM_FACTORS = {"sxm": "SXM", "pcie": "PCIe", "nvl": "NVL"}

# https://cloud.google.com/tpu/pricing (2026-11-21): the number in a slice's name counts cores, of
# which a chip has two, up to v4 and for v5p; for v5e and v6e it counts chips.
TPU_SLICE = re.compile(r"^tpu-(?P<version>v\d+[a-z]*)-(?P<size>\d+)$")
TPU_CORES_PER_CHIP = {"v2": 2, "v3": 2, "v4": 2, "v5p": 2, "v5litepod": 1, "v6e": 1}
TPU_CHIP_GIBIBYTES = {"v2": 16, "v3": 32, "v4": 32, "v5p": 95, "v5litepod": 16, "v6e": 32}

# The catalogue's name of a GPU that Google's machine families hold.
GCP_NAMES = {
    "nvidia-tesla-a100": "A100",
    "nvidia-a100-80gb": "A100-80GB",
    "nvidia-h100-80gb": "H100",
    "nvidia-h100-mega-80gb": "H100-MEGA",
    "nvidia-h200-141gb": "H200",
    "nvidia-b200": "B200",
    "nvidia-gb200": "GB200",
    "nvidia-l4": "L4",
    "nvidia-rtx-pro-6000": "RTXPRO6000",
}
GCP_SLICE_HOLDS_MACHINE = ("a4-", "a4x-")  # their GPU price includes the machine, printed as 0

PRICED_BY_REGION = {"hyperscaler", "marketplace_community"}  # Google's tariff; a host's own machine

MIN_PRICE = Decimal("0.0001")  # [USD/h] anything below is no price of a machine or its GPUs

MAX_SLICE_CHIPS = 16  # larger TPU slices, a hundred sizes a region, repeat the price of a chip

FILLERS = {Decimal("0.5"), Decimal(1), Decimal(8)}  # [USD/h] seen on models that were not offered
FILLER_MODELS = 5
PLACEHOLDER_MODELS = 2  # so many models, and no other price in the catalogue, or
PLACEHOLDER_SIZES = 3  # so many sizes of one accelerator for one price


@dataclass(frozen=True)
class _Machine:
    """A row that holds whole accelerators, read but not yet priced."""

    sku: str
    gpu: str
    gpu_count: int
    gpu_memory_bytes: int | None
    form_factor: str | None
    tier: MarketTier
    region: str
    zone: str
    row: Mapping[str, str]


class _Kind(NamedTuple):
    """What is the same thing in another zone or region."""

    sku: str
    gpu_count: int
    purchase_model: PurchaseModel


def read_catalogue(payload: Payload, cloud: str) -> Iterator[Row]:
    """Yield the offers of one cloud's ``vms.csv``.

    A neocloud's price that stands in all its regions becomes one offer without a region: the
    catalogue copies it to each of them (RunPod: to 47 zones), whether the machine is there or not.

    Raises
    ------
    ParseError
        If a column that every catalogue has is missing.
    """
    provider = provider_id(cloud)
    records = list(_records(payload, NEEDED + (NEEDED_OF_GCP if provider == "gcp" else ())))
    rows = [record for record in records if not isinstance(record, Held)]
    yield from (record for record in records if isinstance(record, Held))
    if provider == "gcp":
        read: Iterable[_Machine | Held] = _gcp_machines(rows)
    else:
        read = (found for row in rows if (found := _machine(row, provider)) is not None)
    machines = []
    for found in read:
        if isinstance(found, Held):
            yield found
        else:
            machines.append(found)
    placeholders = _placeholders(machines)
    offers: list[Offer] = []
    for machine in machines:
        for row in _priced(machine, provider, placeholders):
            if isinstance(row, Offer):
                offers.append(row)
            else:
                yield row
    yield from _without_copies(offers, is_regional=market_tier(provider) in PRICED_BY_REGION)


def _records(payload: Payload, needed: Iterable[str]) -> Iterator[dict[str, str] | Held]:
    reader = csv.reader(io.StringIO(payload.text(), newline=""))
    header = next(reader, [])
    missing = [name for name in needed if name not in header]
    if missing:
        raise ParseError(f"{payload.where()}: no column {missing}; there are {header[:12]}")
    has_generations = header[-1] == "Generation"
    for record in reader:
        if not record:
            continue
        surplus = record[len(header) - 1 :]
        # Azure prints "V1,V2" in the last column without quotes: one field too many.
        if (
            has_generations
            and len(record) > len(header)
            and all(GENERATION.match(field) for field in surplus)
        ):
            record = [*record[: len(header) - 1], ",".join(surplus)]
        row = dict(zip(header, record, strict=False))
        if len(record) != len(header):
            reason = f"{len(record)} fields under {len(header)} columns"
            yield Held(rule="wrong_field_count", reason=reason, row=row)
        else:
            yield row


def _machine(row: Mapping[str, str], provider: str) -> _Machine | Held | None:
    """Return what the row holds, why it is held, or None where it has no accelerator."""
    name, printed = row["InstanceType"], row["AcceleratorName"]
    known = instance_type(provider, name) if provider in TABLED_CLOUDS else None
    count = decimal_or_none(row["AcceleratorCount"])
    if not printed and known is None:
        return None
    if known is not None and not known.is_whole:
        reason = f"{name} holds {known.gpu_count} of a GPU"
        return Held(rule="fractional_gpu", reason=reason, row=row)
    if count is not None and count > 0 and count % 1:
        return Held(rule="fractional_gpu", reason=f"{name} holds {count} GPUs", row=row)
    if known is not None and count is not None and count != int(known.gpu_count):
        reason = f"{count} GPUs are printed, {name} holds {known.gpu_count}"
        return Held(rule="gpu_count_disagrees", reason=reason, row=row)
    gpu_count = int(known.gpu_count) if known else whole_or_none(row["AcceleratorCount"])
    if gpu_count is None:
        reason = f"count of {printed} is {row['AcceleratorCount']!r}"
        return Held(rule="gpu_count_not_whole", reason=reason, row=row)
    match = VAST_INSTANCE.match(name) if provider == "vast" else None
    form_factor = FORM_FACTOR.search(f"{printed} {name}")
    return _Machine(
        sku=name or printed,
        # Vast's accelerator names lose "Ti", "PCIE" and "NVL"; its instance names keep them.
        gpu=known.gpu if known else match["gpu"].replace("_", " ") if match else printed,
        gpu_count=gpu_count,
        gpu_memory_bytes=known.gpu_memory_bytes if known else _memory(row, provider, gpu_count),
        form_factor=known.form_factor
        if known
        else FORM_FACTORS[form_factor[1].lower()]
        if form_factor
        else None,
        tier=_tier(name, provider),
        region=row["Region"].strip(),
        zone=row.get("AvailabilityZone", "").strip(),
        row=row,
    )


def _tier(instance: str, provider: str) -> MarketTier:
    if instance.endswith("_SECURE"):
        return "marketplace_secure"
    return "marketplace_community" if instance.endswith("_COMMUNITY") else market_tier(provider)


def _memory(row: Mapping[str, str], provider: str, gpu_count: int) -> int | None:
    match = SIZE_IN_MEBIBYTES.search(row.get("GpuInfo", ""))
    size = int(match[1]) if match else 0
    if size < GIGABYTES_BELOW:
        return gibibytes_to_bytes(size)
    # Vast's catalogue prints the memory of all GPUs together in the field of one.
    return size * 2**20 // (gpu_count if provider == "vast" else 1)


def _gcp_machines(rows: Iterable[Mapping[str, str]]) -> Iterator[_Machine | Held]:
    """Yield Google's machines with their GPUs added, and its TPU slices of up to 16 chips."""
    hosts: list[tuple[InstanceType, Mapping[str, str]]] = []
    parts: dict[tuple[str, int, str], Mapping[str, str]] = {}
    for row in rows:
        name, printed = row["InstanceType"], row["AcceleratorName"]
        if not name and TPU_SLICE.match(printed):
            found = _tpu(row)
            if isinstance(found, Held) or found.gpu_count <= MAX_SLICE_CHIPS:
                yield found
        elif not name:
            count = whole_or_none(row["AcceleratorCount"])
            if count is None:
                reason = f"count of {printed} is {row['AcceleratorCount']!r}"
                yield Held(rule="gpu_count_not_whole", reason=reason, row=row)
            else:
                parts[printed, count, row["AvailabilityZone"]] = row
        elif known := instance_type("gcp", name):
            if known.is_whole:
                hosts.append((known, row))
            else:
                reason = f"{name} holds {known.gpu_count} of a GPU"
                yield Held(rule="fractional_gpu", reason=reason, row=row)
    used = set()
    for known, host in hosts:
        key = (GCP_NAMES.get(known.gpu, known.gpu), int(known.gpu_count), host["AvailabilityZone"])
        name = host["InstanceType"]
        if key not in parts:
            reason = f"{name} is priced without its {key[1]} {key[0]}, and {key[2]} prints none"
            yield Held(rule="host_without_gpu", reason=reason, row=host)
            continue
        used.add(key)
        yield _together(known, host, parts[key])
    for key, row in parts.items():
        if key not in used:
            reason = f"{key[1]} {key[0]} are priced without a machine in {key[2]}"
            yield Held(rule="gpu_without_host", reason=reason, row=row)


def _together(
    known: InstanceType, host: Mapping[str, str], part: Mapping[str, str]
) -> _Machine | Held:
    """Return the machine with the prices of host and GPUs added."""
    name = host["InstanceType"]
    whole_price_is_in_part = name.startswith(GCP_SLICE_HOLDS_MACHINE)
    row = dict(host)
    for column in ("Price", "SpotPrice"):
        machine, gpus = decimal_or_none(host[column]), decimal_or_none(part[column])
        least = 0 if whole_price_is_in_part else MIN_PRICE
        is_complete = (
            machine is not None and gpus is not None and machine >= least and gpus >= MIN_PRICE
        )
        row[column] = str((machine or 0) + (gpus or 0)) if is_complete else ""
    row["AcceleratorName"], row["AcceleratorCount"] = (
        part["AcceleratorName"],
        part["AcceleratorCount"],
    )
    if not row["Price"]:
        reason = f"{name}: machine {host['Price']!r}, GPUs {part['Price']!r}; both are needed"
        return Held(rule="host_without_gpu", reason=reason, row=host)
    return _Machine(
        sku=name,
        gpu=known.gpu,
        gpu_count=int(known.gpu_count),
        gpu_memory_bytes=known.gpu_memory_bytes,
        form_factor=known.form_factor,
        tier="hyperscaler",
        region=row["Region"],
        zone=row["AvailabilityZone"],
        row=row,
    )


def _tpu(row: Mapping[str, str]) -> _Machine | Held:
    """Return a TPU slice as its chips: the number in its name counts cores or chips."""
    printed = row["AcceleratorName"]
    match = TPU_SLICE.match(printed)
    version, size = (match["version"], int(match["size"])) if match else ("", 0)
    if version not in TPU_CORES_PER_CHIP:
        reason = f"{printed}: whether {size} counts cores or chips is not known"
        return Held(rule="tpu_unknown", reason=reason, row=row)
    return _Machine(
        sku=printed,
        gpu=version,
        gpu_count=max(1, size // TPU_CORES_PER_CHIP[version]),
        gpu_memory_bytes=TPU_CHIP_GIBIBYTES[version] * 2**30,
        form_factor=None,
        tier="hyperscaler",
        region=row["Region"],
        zone=row.get("AvailabilityZone", ""),
        row=row,
    )


def _placeholders(machines: Iterable[_Machine]) -> set[tuple[str, Decimal]]:
    """Return (accelerator, whole price) pairs that were filled in, not quoted."""
    per_gpu: dict[str, set[Decimal]] = defaultdict(set)
    sizes: dict[tuple[str, Decimal], set[int]] = defaultdict(set)
    for machine in machines:
        price = decimal_or_none(machine.row["Price"])
        if price:
            per_gpu[machine.gpu].add(price / machine.gpu_count)
            sizes[machine.gpu, price].add(machine.gpu_count)
    found = {key for key, counts in sizes.items() if len(counts) >= PLACEHOLDER_SIZES}
    for filler in FILLERS:
        models = {gpu for gpu, prices in per_gpu.items() if filler in prices}
        if len(models) >= FILLER_MODELS:
            found |= {(gpu, price) for gpu, price in sizes if gpu in models and price == filler}
    prices = set().union(*per_gpu.values())
    if len(per_gpu) >= PLACEHOLDER_MODELS and len(prices) == 1:
        found |= set(sizes)
    return found


def _priced(
    machine: _Machine, provider: str, placeholders: set[tuple[str, Decimal]]
) -> Iterator[Row]:
    row = machine.row
    price = price_or_held(row["Price"].strip(), row)
    if isinstance(price, Held):
        yield price
        return
    if (machine.gpu, price) in placeholders:
        reason = f"{price} for {machine.gpu_count} {machine.gpu}: one price stands on everything"
        yield Held(rule="price_placeholder", reason=reason, row=row)
        return
    yield _offer(machine, provider, price, "on_demand")
    printed = row.get("SpotPrice", "").strip()
    if not printed or decimal_or_none(printed) == 0:
        return  # empty or 0.00: the catalogue does not know
    spot = price_or_held(printed, row)
    if isinstance(spot, Held):
        yield spot
    elif (machine.gpu, spot) in placeholders:
        reason = f"spot is {spot}, which stands on every size of {machine.gpu}"
        yield Held(rule="price_placeholder", reason=reason, row=row)
    elif spot == price:
        reason = f"spot is {spot}, the price on demand: spot is not known"
        yield Held(rule="spot_equals_on_demand", reason=reason, row=row)
    else:
        yield _offer(machine, provider, spot, "spot")


def _offer(machine: _Machine, provider: str, price: Decimal, model: PurchaseModel) -> Offer:
    row = machine.row
    return Offer(
        provider_id=provider,
        sku=f"{machine.sku}@{machine.zone}" if machine.zone else machine.sku,
        gpu_name_printed=machine.gpu,
        gpu_count=machine.gpu_count,
        price_amount=price,
        currency="USD",
        price_basis="instance",
        price_unit="hour",
        purchase_model=model,
        market_tier=machine.tier,
        region=machine.region or None,
        gpu_memory_bytes=machine.gpu_memory_bytes,
        vcpu_count=decimal_or_none(row.get("vCPUs")),
        memory_bytes=gibibytes_to_bytes(row.get("MemoryGiB")),
        form_factor=machine.form_factor,
    )


def _without_copies(offers: Iterable[Offer], *, is_regional: bool) -> Iterator[Row]:
    """Yield one offer for each price: zones of a region, and regions of one price, are copies.

    AWS prices spot by zone: those keep their zone, whether or not the zones agree today.
    """
    by_region: dict[tuple[_Kind, str | None], dict[tuple[Decimal, int], Offer]] = defaultdict(dict)
    everywhere: dict[_Kind, set[Decimal]] = defaultdict(set)
    regions: dict[_Kind, set[str | None]] = defaultdict(set)
    for offer in offers:
        if offer.provider_id == "aws" and offer.purchase_model == "spot":
            yield offer
            continue
        kind = _Kind(offer.sku.partition("@")[0], offer.gpu_count, offer.purchase_model)
        price = offer.price_amount, offer.gpu_memory_bytes or 0
        by_region[kind, offer.region].setdefault(price, offer)
        everywhere[kind].add(offer.price_amount)
        regions[kind].add(offer.region)
    seen: set[_Kind] = set()
    for (kind, _), prices in by_region.items():
        if not is_regional and len(everywhere[kind]) == 1 and len(regions[kind]) > 1:
            if kind not in seen:
                seen.add(kind)
                yield replace(next(iter(prices.values())), sku=kind.sku, region=None)
            continue
        for number, (_, offer) in enumerate(sorted(prices.items()), start=1):
            is_zonal = "@" in offer.sku
            sku = kind.sku if len(prices) == 1 else offer.sku
            yield replace(offer, sku=sku if is_zonal or number == 1 else f"{sku}-{number}")

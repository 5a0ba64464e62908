"""Reading of catalogues in SkyPilot's CSV format, shared by every source that publishes them.

Columns are found by name: their order differs from cloud to cloud. A row prices a whole machine,
except for GCP, where machines and their GPUs are separate rows that only together make a price.
What the columns do not say, such as the currency, each catalogue declares (``Catalogue``). Values
that a catalogue fills in without knowing them are held: one price for on demand and spot, of which
one is a copy; a spot price that is the same share of on demand for every model; one round price on
every model, one price on every slice size. A spot price of 0 means that it is not known.
"""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import NamedTuple

from pipelines.sources.base import (
    NO_ACCELERATOR,
    Held,
    MarketTier,
    Offer,
    OutOfScope,
    ParseError,
    Payload,
    PurchaseModel,
    ReadRow,
    Row,
)
from pipelines.sources.documents import csv_lines, header_of
from pipelines.sources.fields import (
    count_in_name,
    decimal_or_none,
    gibibytes_to_bytes,
    price_or_held,
    whole_or_none,
)
from pipelines.sources.instance_types import InstanceType, instance_type
from pipelines.sources.providers import market_tier, provider_id
from pipelines.sources.skypilot_rules import has_spot_by_rule, placeholders

NEEDED = ("InstanceType", "AcceleratorName", "AcceleratorCount", "Price", "Region")
NEEDED_OF_GCP = ("AvailabilityZone", "SpotPrice")  # where a machine meets its GPUs
TABLED_CLOUDS = {"aws", "azure", "gcp"}
SIZE_IN_MEBIBYTES = re.compile(r"SizeInMiB['\"]?:\s{0,4}(\d{1,12})")
GIGABYTES_BELOW = 1024  # RunPod's and Shadeform's "SizeInMiB" holds gigabytes
VAST_INSTANCE = re.compile(r"^\d{1,4}x-(?P<gpu>.{1,80}?)-\d{1,9}-\d{1,9}$")
GENERATION = re.compile(r"^V\d$")
FORM_FACTOR = re.compile(r"(?i)(?<![a-z])(sxm|pcie|nvl)(?!ink)")
FORM_FACTORS = {"sxm": "SXM", "pcie": "PCIe", "nvl": "NVL"}

# https://cloud.google.com/tpu/pricing (2026-11-21): the number in a slice's name counts cores, of
# which a chip has two, up to v4 and for v5p; for v5e and v6e it counts chips.
TPU_SLICE = re.compile(r"^tpu-(?P<version>v\d{1,3}[a-z]{0,8})-(?P<size>\d{1,6})$")
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

MIN_PRICE = Decimal("0.0001")  # [USD/h] anything below is not a price of a machine

MAX_SLICE_CHIPS = 16  # larger TPU slices, a hundred sizes a region, repeat the price of a chip


@dataclass(frozen=True, kw_only=True)
class Catalogue:
    """What the prices of one cloud's file mean, where its columns do not say it."""

    currency: str  # ISO 4217; a catalogue prints the currency of its cloud, without naming it
    has_price_by_region: bool = False  # else one price in every region is one offer
    has_spot_by_rule: bool = False  # spot is a share of on demand, and no observation
    has_spot_as_floor: bool = False  # spot is the lowest bid of an auction, at which nothing runs
    is_sold_out_without_region: bool = False  # a row without a region is a plan that is sold out


Line = Mapping[str, str]


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
    row: Line
    lines: tuple[Line, ...]  # of the file: Google prints a machine and its GPUs apart


class _Kind(NamedTuple):
    """What is the same thing in another zone or region."""

    sku: str
    gpu_count: int
    purchase_model: PurchaseModel


def read_catalogue(payload: Payload, cloud: str, catalogue: Catalogue) -> Iterator[ReadRow]:
    """Yield the lines of one cloud's ``vms.csv`` with their offers.

    Where the cloud does not price by region, a price that is the same in all regions becomes one
    offer without a region: the catalogue copies it to each of them (RunPod: to 47 zones; OCI: new
    GPUs to every region), whether the machine is there or not.

    Raises
    ------
    ParseError
        If a column that every catalogue has is missing.
    """
    provider = provider_id(cloud)
    lines: list[Line] = []
    found: dict[int, list[Row]] = {}  # a line is known by its identity: two may read the same

    def give(of: Iterable[Line], record: Row) -> None:
        for line in of:
            found[id(line)].append(record)

    for line, held in _records(payload, NEEDED + (NEEDED_OF_GCP if provider == "gcp" else ())):
        lines.append(line)
        found[id(line)] = [held] if held else []
    whole = [line for line in lines if not found[id(line)]]
    machines: list[_Machine] = []
    for line, read in _gcp_machines(whole) if provider == "gcp" else _machines(whole, provider):
        if isinstance(read, _Machine):
            machines.append(read)
        else:
            give((line,), read)
    filled_in = placeholders(machines)
    if not catalogue.has_spot_by_rule and has_spot_by_rule(machines):
        catalogue = replace(catalogue, has_spot_by_rule=True)
    offers: list[tuple[_Machine, Offer]] = []
    for machine in machines:
        for row in _priced(machine, provider, catalogue, filled_in):
            if isinstance(row, Offer):
                offers.append((machine, row))
            else:
                give(machine.lines, row)
    for machine, offer in _without_copies(offers, is_regional=catalogue.has_price_by_region):
        give(machine.lines, offer)
    for line in lines:
        yield ReadRow(line, tuple(found[id(line)]))


def _records(payload: Payload, needed: Iterable[str]) -> Iterator[tuple[Line, Held | None]]:
    reader = csv.reader(csv_lines(payload))
    header = header_of(payload, next(reader, []))
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
            yield row, Held(rule="wrong_field_count", reason=reason, row=row)
        else:
            yield row, None


def _machines(
    lines: Iterable[Line], provider: str
) -> Iterator[tuple[Line, _Machine | Held | OutOfScope]]:
    return ((line, _machine(line, provider)) for line in lines)


def _machine(row: Line, provider: str) -> _Machine | Held | OutOfScope:
    """Return what the row holds, why it is held, or that it has no accelerator."""
    name, printed = row["InstanceType"], row["AcceleratorName"]
    known = instance_type(provider, name) if provider in TABLED_CLOUDS else None
    count = decimal_or_none(row["AcceleratorCount"])
    if not printed and known is None:
        return OutOfScope(NO_ACCELERATOR)
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
    if known is None and count_in_name(name) not in (None, gpu_count):
        reason = f"{gpu_count} GPUs are printed, {name} says {count_in_name(name)}"
        return Held(rule="gpu_count_disagrees", reason=reason, row=row)
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
        lines=(row,),
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


def _gcp_machines(
    rows: Iterable[Line],
) -> Iterator[tuple[Line, _Machine | Held | OutOfScope]]:
    """Yield Google's machines with their GPUs added, and its TPU slices of up to 16 chips."""
    hosts: list[tuple[InstanceType, Line]] = []
    parts: dict[tuple[str, int, str], Line] = {}
    for row in rows:
        name, printed = row["InstanceType"], row["AcceleratorName"]
        known = instance_type("gcp", name) if name else None
        if not name and TPU_SLICE.match(printed):
            yield row, _tpu(row)
        elif not name:
            count = whole_or_none(row["AcceleratorCount"])
            if count is None:
                reason = f"count of {printed} is {row['AcceleratorCount']!r}"
                yield row, Held(rule="gpu_count_not_whole", reason=reason, row=row)
                continue
            key = printed, count, row["AvailabilityZone"]
            if key in parts:
                reason = f"{count} {printed} are priced twice in {key[2]}"
                yield parts[key], Held(rule="duplicate", reason=reason, row=parts[key])
            parts[key] = row
        elif known is None:
            yield row, OutOfScope(NO_ACCELERATOR)
        elif known.is_whole:
            hosts.append((known, row))
        else:
            reason = f"{name} holds {known.gpu_count} of a GPU"
            yield row, Held(rule="fractional_gpu", reason=reason, row=row)
    used = set()
    for known, host in hosts:
        key = (GCP_NAMES.get(known.gpu, known.gpu), int(known.gpu_count), host["AvailabilityZone"])
        name = host["InstanceType"]
        if key not in parts:
            reason = f"{name} is priced without its {key[1]} {key[0]}, and {key[2]} prints none"
            yield host, Held(rule="host_without_gpu", reason=reason, row=host)
            continue
        used.add(key)
        together = _together(known, host, parts[key])
        yield host, together
        if isinstance(together, Held):
            yield parts[key], replace(together, rule="gpu_without_host", row=parts[key])
    for key, row in parts.items():
        if key not in used:
            reason = f"{key[1]} {key[0]} are priced without a machine in {key[2]}"
            yield row, Held(rule="gpu_without_host", reason=reason, row=row)


def _together(known: InstanceType, host: Line, part: Line) -> _Machine | Held:
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
        lines=(host, part),
    )


def _tpu(row: Line) -> _Machine | Held | OutOfScope:
    """Return a TPU slice as its chips: the number in its name counts cores or chips."""
    printed = row["AcceleratorName"]
    match = TPU_SLICE.match(printed)
    version, size = (match["version"], int(match["size"])) if match else ("", 0)
    if version not in TPU_CORES_PER_CHIP:
        reason = f"{printed}: whether {size} counts cores or chips is not known"
        return Held(rule="tpu_unknown", reason=reason, row=row)
    chips = max(1, size // TPU_CORES_PER_CHIP[version])
    if chips > MAX_SLICE_CHIPS:
        return OutOfScope(f"a TPU slice above {MAX_SLICE_CHIPS} chips: the price of a chip again")
    return _Machine(
        sku=printed,
        gpu=version,
        gpu_count=chips,
        gpu_memory_bytes=TPU_CHIP_GIBIBYTES[version] * 2**30,
        form_factor=None,
        tier="hyperscaler",
        region=row["Region"],
        zone=row.get("AvailabilityZone", ""),
        row=row,
        lines=(row,),
    )


def _priced(
    machine: _Machine,
    provider: str,
    catalogue: Catalogue,
    filled_in: set[tuple[str, Decimal]],
) -> Iterator[Row]:
    """Yield the offer on demand and the one on spot; a row may have either alone."""
    row = machine.row
    printed, printed_spot = row["Price"].strip(), row.get("SpotPrice", "").strip()
    has_spot = bool(printed_spot) and decimal_or_none(printed_spot) != 0
    price = price_or_held(printed, row) if printed or not has_spot else None
    spot = price_or_held(printed_spot, row) if has_spot else None
    if isinstance(price, Decimal) and price == spot and (machine.gpu, price) in filled_in:
        spot = None
    elif isinstance(price, Decimal) and price == spot:
        reason = f"{price} is printed on demand and as spot: one is a copy of the other"
        yield Held(rule="spot_equals_on_demand", reason=reason, row=row)
        return
    if isinstance(spot, Decimal) and catalogue.has_spot_by_rule:
        reason = f"spot is {spot}, a fixed share of the price on demand: a rule, not observed"
        spot = Held(rule="spot_by_rule", reason=reason, row=row)
    elif isinstance(spot, Decimal) and catalogue.has_spot_as_floor:
        reason = f"spot is {spot}, the lowest bid that an auction takes"
        spot = Held(rule="bid_floor", reason=reason, row=row)
    models: tuple[tuple[Decimal | Held | None, PurchaseModel], ...] = (
        (price, "on_demand"),
        (spot, "spot"),
    )
    for amount, model in models:
        if isinstance(amount, Held):
            yield amount
        elif amount is not None and (machine.gpu, amount) in filled_in:
            reason = (
                f"{amount} for {machine.gpu_count} {machine.gpu}: one price stands on everything"
            )
            yield Held(rule="price_placeholder", reason=reason, row=row)
        elif amount is not None:
            yield _offer(machine, provider, catalogue, amount, model)


def _offer(
    machine: _Machine, provider: str, catalogue: Catalogue, price: Decimal, model: PurchaseModel
) -> Offer:
    row = machine.row
    is_sold_out = catalogue.is_sold_out_without_region and not machine.region
    return Offer(
        provider_id=provider,
        sku=f"{machine.sku}@{machine.zone}" if machine.zone else machine.sku,
        gpu_name_printed=machine.gpu,
        gpu_count=machine.gpu_count,
        price_amount=price,
        currency=catalogue.currency,
        price_basis="instance",
        price_unit="hour",
        purchase_model=model,
        market_tier=machine.tier,
        region=machine.region or None,
        gpu_memory_bytes=machine.gpu_memory_bytes,
        vcpu_count=decimal_or_none(row.get("vCPUs")),
        memory_bytes=gibibytes_to_bytes(row.get("MemoryGiB")),
        form_factor=machine.form_factor,
        is_available=False if is_sold_out else None,
    )


def _without_copies(
    offers: Sequence[tuple[_Machine, Offer]], *, is_regional: bool
) -> Iterator[tuple[_Machine, Offer]]:
    """Yield one offer for each price: zones of a region, and regions of one price, are copies.

    AWS prices spot by zone: those keep their zone, whether or not the zones agree today.
    """
    by_region: dict[tuple[_Kind, str | None], dict[tuple[Decimal, int], Offer]] = defaultdict(dict)
    everywhere: dict[_Kind, dict[Decimal, Offer]] = defaultdict(dict)
    regions: dict[_Kind, set[str | None]] = defaultdict(set)
    for _, offer in offers:
        kind = _kind(offer)
        by_region[kind, offer.region].setdefault(_price(offer), offer)
        everywhere[kind].setdefault(offer.price_amount, offer)
        regions[kind].add(offer.region)
    for machine, offer in offers:
        kind = _kind(offer)
        if offer.provider_id == "aws" and offer.purchase_model == "spot":
            yield machine, offer
        elif not is_regional and len(everywhere[kind]) == 1 and len(regions[kind]) > 1:
            (first,) = everywhere[kind].values()
            yield machine, replace(first, sku=kind.sku, region=None)
        else:
            prices = by_region[kind, offer.region]
            number = sorted(prices).index(_price(offer)) + 1
            first = prices[_price(offer)]
            is_zonal = "@" in first.sku
            sku = kind.sku if len(prices) == 1 else first.sku
            yield (
                machine,
                replace(first, sku=sku if is_zonal or number == 1 else f"{sku}-{number}"),
            )


def _kind(offer: Offer) -> _Kind:
    return _Kind(offer.sku.partition("@")[0], offer.gpu_count, offer.purchase_model)


def _price(offer: Offer) -> tuple[Decimal, int]:
    return offer.price_amount, offer.gpu_memory_bytes or 0

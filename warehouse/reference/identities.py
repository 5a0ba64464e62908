"""Identities: the names that sources print for GPUs, models, providers and regions.

Here belong the typed rows of the alias tables, the plausible prices of each GPU, what sources print
wrong, and the days on which a source changed what it prints.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from warehouse.reference.documents import Documents, ReferenceError, once, typed_rows


@dataclass(frozen=True, slots=True)
class GpuAlias:
    """A name that a family of sources prints, and the gpu_id or the exclusion it means."""

    source_family: str
    gpu_name_printed: str
    canonical: str


@dataclass(frozen=True, slots=True)
class GpuNameSource:
    """Whose spellings of GPUs a source uses, and what it prints as their memory."""

    source_id: str
    source_family: str
    is_memory_of_one_gpu: bool  # else it may be a total, or the host's


@dataclass(frozen=True, slots=True)
class ModelAlias:
    """A name that a family of sources prints, and the reference model it means."""

    source_family: str
    model_name_printed: str
    model_id: str
    relation: str  # same or fine_tune


@dataclass(frozen=True, slots=True)
class TrainingRunAlias:
    """A second name of a training run in the tables of Epoch AI."""

    model_name_printed: str
    model: str
    note: str


@dataclass(frozen=True, slots=True)
class PriceBand:
    """The plausible prices of a GPU; one outside is held back."""

    gpu_id: str
    low_usd_per_gpu_hour: float
    high_usd_per_gpu_hour: float
    source: str
    note: str | None


@dataclass(frozen=True, slots=True)
class PriceCorrection:
    """What a source prints wrong of an offer, from when to when, and what counts instead."""

    correction_id: str
    source_id: str
    provider_id: str
    sku: str | None  # it or the GPU, or both
    gpu_name_printed: str | None
    region: str | None  # None for every region
    purchase_model: str
    field: str  # price_amount or gpu_count
    as_published: float
    corrected: float
    unit: str
    first_on: date
    last_on: date | None
    reason: str
    source_url: str
    retrieved_on: date

    def meets(self, other: PriceCorrection) -> bool:
        """Return whether both may be about one offer of one day."""
        same = ("source_id", "provider_id", "purchase_model")
        if any(getattr(self, name) != getattr(other, name) for name in same):
            return False
        for name in ("sku", "gpu_name_printed", "region"):
            here, there = getattr(self, name), getattr(other, name)
            if here and there and here != there:
                return False
        if self.field == other.field and self.as_published != other.as_published:
            return False
        last = (self.last_on or date.max, other.last_on or date.max)
        return self.first_on <= last[1] and other.first_on <= last[0]


@dataclass(frozen=True, slots=True)
class Provider:
    """A seller of GPU hours."""

    provider_id: str
    name: str
    market_family: str  # hyperscaler, neocloud or marketplace
    homepage: str | None
    country: str | None  # ISO 3166-1 alpha-2


@dataclass(frozen=True, slots=True)
class ProviderAlias:
    """A name that a source prints for a provider; source_id ``any`` is every source."""

    source_id: str
    provider_printed: str
    provider_id: str


@dataclass(frozen=True, slots=True)
class Region:
    """A region of a provider, its country and its part of the world."""

    provider_id: str
    region: str
    country: str | None  # ISO 3166-1 alpha-2
    area: str | None


@dataclass(frozen=True, slots=True)
class ReferenceRegion:
    """A region in which the price of a provider is read, for its part of the world."""

    provider_id: str
    reference_region: str  # us, europe or asia
    anchor_rank: int  # 1 is read first
    region: str


@dataclass(frozen=True, slots=True)
class MethodBreak:
    """A day on which a source changed how it reads or prints prices."""

    source_id: str
    break_on: date
    settled_on: date
    ended_request_key: str | None
    change: str
    evidence: str
    source_url: str
    retrieved_on: date


@once
def gpu_aliases(documents: Documents) -> tuple[GpuAlias, ...]:
    """Return the printed names of GPUs."""
    return typed_rows(documents, "gpu_aliases", GpuAlias)


@once
def gpu_name_sources(documents: Documents) -> tuple[GpuNameSource, ...]:
    """Return which source uses which spellings; none of a file that is older than the table."""
    if "gpu_name_sources.csv" not in documents.names():
        return ()
    return typed_rows(documents, "gpu_name_sources", GpuNameSource)


@once
def model_aliases(documents: Documents) -> tuple[ModelAlias, ...]:
    """Return the printed names of models."""
    return typed_rows(documents, "model_aliases", ModelAlias)


@once
def training_run_aliases(documents: Documents) -> tuple[TrainingRunAlias, ...]:
    """Return the second names of training runs."""
    return typed_rows(documents, "training_run_aliases", TrainingRunAlias)


@once
def price_bands(documents: Documents) -> tuple[PriceBand, ...]:
    """Return the plausible prices of each GPU.

    Raises
    ------
    ReferenceError
        If the low end of a band is not positive or not below its high end.
    """
    bands = typed_rows(documents, "price_bands", PriceBand)
    for line, band in enumerate(bands, start=2):
        if not 0 < band.low_usd_per_gpu_hour < band.high_usd_per_gpu_hour:
            raise ReferenceError(
                f"price_bands.csv:{line}: {band.gpu_id} holds {band.low_usd_per_gpu_hour} to"
                f" {band.high_usd_per_gpu_hour}; allowed: 0 < low < high"
            )
    return bands


CORRECTED_FIELDS = {"price_amount": 1e12, "gpu_count": 1e6}
"""What can be corrected, and below what its figures stay."""
PURCHASE_MODELS = ("on_demand", "spot", "reserved", "capacity_block")


@once
def price_corrections(documents: Documents) -> tuple[PriceCorrection, ...]:
    """Return what sources print wrong; nothing of a file that is older than the table.

    Raises
    ------
    ReferenceError
        If a row cannot be meant as it stands, or two rows may be about one offer of one day.
    """
    if "price_corrections.csv" not in documents.names():
        return ()
    found = typed_rows(documents, "price_corrections", PriceCorrection)
    for line, row in enumerate(found, start=2):
        for wrong in _wrong(row, found[: line - 2]):
            raise ReferenceError(f"price_corrections.csv:{line}: {row.correction_id}: {wrong}")
    return found


def _wrong(row: PriceCorrection, before: tuple[PriceCorrection, ...]) -> Iterator[str]:
    """Yield what is wrong with a correction, beside those of the lines before."""
    for name, allowed in (("field", CORRECTED_FIELDS), ("purchase_model", PURCHASE_MODELS)):
        if getattr(row, name) not in allowed:
            yield f"{name} holds {getattr(row, name)!r}; allowed: {', '.join(allowed)}"
    if not (row.sku or row.gpu_name_printed):
        yield "sku and gpu_name_printed are empty; fill in one of them, as the source prints it"
    if row.as_published == row.corrected:
        yield f"as_published and corrected both hold {row.corrected:g}"
    most = CORRECTED_FIELDS.get(row.field, 0.0)
    for name in ("as_published", "corrected"):
        figure = getattr(row, name)
        is_whole = row.field != "gpu_count" or figure % 1 == 0
        if not (0 < figure < most and is_whole):
            yield f"{name} holds {figure:g}; allowed: above zero, below {most:g}; GPUs are whole"
    if row.last_on and row.last_on < row.first_on:
        yield f"last_on holds {row.last_on}; allowed: {row.first_on} or later, or empty"
    if not row.source_url.startswith(("https://", "http://")):
        yield f"source_url holds {row.source_url!r}; allowed: an address that begins with https://"
    for other in before:
        if other.correction_id == row.correction_id:
            yield "is there twice; allowed: each id once"
        if other.meets(row):
            yield f"may be about the same offer as {other.correction_id}; narrow one of them"


@once
def providers(documents: Documents) -> tuple[Provider, ...]:
    """Return the sellers of GPU hours."""
    return typed_rows(documents, "providers", Provider)


@once
def provider_aliases(documents: Documents) -> tuple[ProviderAlias, ...]:
    """Return the printed names of providers."""
    return typed_rows(documents, "provider_aliases", ProviderAlias)


@once
def regions(documents: Documents) -> tuple[Region, ...]:
    """Return the regions of providers."""
    return typed_rows(documents, "regions", Region)


@once
def reference_regions(documents: Documents) -> tuple[ReferenceRegion, ...]:
    """Return the regions in which the prices of providers are read."""
    return typed_rows(documents, "reference_regions", ReferenceRegion)


@once
def method_breaks(documents: Documents) -> tuple[MethodBreak, ...]:
    """Return the days on which a source changed how it reads or prints prices."""
    return typed_rows(documents, "method_breaks", MethodBreak)

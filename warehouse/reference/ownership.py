"""What owning a GPU takes: assumptions with their ranges, and dated purchase prices.

Here belong the typed rows of ``ownership.csv``, ``ownership_sizes.csv``, ``ownership_hall.csv`` and
``purchase_prices.csv``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from warehouse.reference.documents import Documents, bundled, once, typed_rows


@dataclass(frozen=True, slots=True)
class OwnershipAssumption:
    """One assumed parameter with its 90 % range and who says so."""

    parameter: str
    low: float
    central: float
    high: float
    unit: str
    source: str
    source_url: str | None
    retrieved_on: date
    note: str = ""


@dataclass(frozen=True, slots=True)
class SizedAssumption:
    """One assumed parameter at one size of cluster, with its 90 % range."""

    parameter: str
    gpu_count: int
    low: float
    central: float
    high: float
    unit: str
    source: str
    source_url: str | None
    retrieved_on: date
    note: str = ""


@dataclass(frozen=True, slots=True)
class ListedPurchase:
    """A listed price of one GPU, alone or with its share of a server."""

    gpu_id: str
    usd_per_gpu: float | None  # None: no price is known, for the reason in the note
    priced_on: date | None
    unit: str
    basis: str  # single_gpu, server_share or equivalent
    source_url: str | None
    retrieved_on: date
    note: str = ""


@once
def ownership_assumptions(documents: Documents) -> Mapping[str, OwnershipAssumption]:
    """Return the assumptions of ownership by parameter."""
    rows = typed_rows(documents, "ownership", OwnershipAssumption)
    return {row.parameter: row for row in rows}


@once
def sized_assumptions(documents: Documents) -> Mapping[str, tuple[SizedAssumption, ...]]:
    """Return the assumptions that depend on the size of the cluster, by parameter, smallest first.

    Those of this package where a published file is older than they.
    """
    if "ownership_sizes.csv" not in documents.names():
        documents = bundled()
    found: dict[str, list[SizedAssumption]] = {}
    for row in typed_rows(documents, "ownership_sizes", SizedAssumption):
        found.setdefault(row.parameter, []).append(row)
    return {
        name: tuple(sorted(rows, key=lambda row: row.gpu_count)) for name, rows in found.items()
    }


@once
def hall_assumptions(documents: Documents) -> Mapping[str, OwnershipAssumption]:
    """Return what a hall of one's own takes, by parameter.

    Those of this package where a published file is older than they.
    """
    if "ownership_hall.csv" not in documents.names():
        documents = bundled()
    rows = typed_rows(documents, "ownership_hall", OwnershipAssumption)
    return {row.parameter: row for row in rows}


@once
def listed_purchases(documents: Documents) -> tuple[ListedPurchase, ...]:
    """Return every listed purchase price."""
    return typed_rows(documents, "purchase_prices", ListedPurchase)

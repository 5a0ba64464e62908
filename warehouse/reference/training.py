"""What training costs take from others: electricity, grids, halls, corrections, published figures.

Here belong the typed rows of these tables, and Epoch AI's bundled tables as they were published.
What the cost engine makes of them is not here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from warehouse.reference.documents import CsvTable, Documents, ReferenceError, once, typed_rows
from warehouse.reference.leaves import leaf_of

EPOCH_FOLDER = "epoch_training_cost"


@dataclass(frozen=True, slots=True)
class ElectricityPrice:
    """The price of electricity in a country and a year."""

    country: str  # ISO 3166-1 alpha-2
    year: int
    usd_per_kwh: float
    unit: str
    customer: str
    source_url: str
    retrieved_on: date
    note: str = ""


@dataclass(frozen=True, slots=True)
class PowerUsage:
    """Power of a data centre over the power of its servers, by operator and year."""

    operator: str
    year: int
    pue: float
    low: float | None  # of the 90 % range
    high: float | None
    unit: str
    source_url: str
    retrieved_on: date
    note: str = ""


@dataclass(frozen=True, slots=True)
class TruthCase:
    """A published figure of a training run, to be compared with ours."""

    case_id: str
    model: str
    quantity: str
    reported: float
    reported_high: float | None  # where a range was published
    unit: str
    basis: str
    stated_usd_per_hour: float | None
    tolerance_ratio: float
    source: str
    source_url: str | None
    retrieved_on: date
    note: str = ""


@dataclass(frozen=True, slots=True)
class Correction:
    """One cell of a source's table that is not used as published."""

    table: str
    key: str
    column: str
    as_published: float
    value: float
    unit: str
    reason: str
    source_url: str | None
    note: str | None


@once
def electricity_prices(documents: Documents) -> tuple[ElectricityPrice, ...]:
    """Return the electricity prices by country and year."""
    return typed_rows(documents, "electricity", ElectricityPrice)


def electricity_by_year(documents: Documents, country: str = "US") -> Mapping[int, float]:
    """Return the industrial electricity prices of a country by year. [USD / kWh].

    Raises
    ------
    ReferenceError
        If there is none; names the countries there are.
    """
    rows = electricity_prices(documents)
    found = {row.year: row.usd_per_kwh for row in rows if row.country == country}
    if not found:
        known = ", ".join(sorted({row.country for row in rows}))
        raise ReferenceError(
            f"country = {country!r}: no electricity price; give one in USD per kWh,"
            f" or one of {known}"
        )
    return found


@once
def power_usages(documents: Documents) -> tuple[PowerUsage, ...]:
    """Return the power usage effectiveness of operators."""
    return typed_rows(documents, "pue", PowerUsage)


@once
def truth_cases(documents: Documents) -> tuple[TruthCase, ...]:
    """Return the published figures of training runs."""
    return typed_rows(documents, "training_truth", TruthCase)


@once
def corrections(documents: Documents) -> tuple[Correction, ...]:
    """Return the cells of sources that are not used as published.

    Raises
    ------
    ReferenceError
        If an entry lacks its value, unit, source or reason.
    """
    content = documents.content("corrections.yaml")
    found = []
    for entry in content["corrections"]:
        leaf = leaf_of(entry["corrected"], content["sources"])
        found.append(
            Correction(
                table=entry["table"],
                key=entry["key"],
                column=entry["column"],
                as_published=entry["as_published"],
                value=entry["corrected"]["value"],
                unit=leaf.unit,
                reason=entry["reason"],
                source_url=leaf.source_url,
                note=leaf.note,
            )
        )
    return tuple(found)


def epoch_table(documents: Documents, folder: str, name: str) -> CsvTable:
    """Return a bundled table of Epoch AI, as published.

    Parameters
    ----------
    documents : Documents
    folder : str
        The day of publication, as ``2025-06``.
    name : {"models", "chips", "hardware_prices", "producer_price_index"}
    """
    return documents.table(f"{EPOCH_FOLDER}/{folder}/{name}.csv.gz")


@once
def frontier_ranks(documents: Documents) -> Mapping[str, int]:
    """Return model name to the smallest N for which the study's frozen top-N list has it."""
    lists = documents.content(f"{EPOCH_FOLDER}/2024-05/frontier_systems_by_top_n.json")
    return {name: int(rank) for rank, names in lists.items() for name in names}

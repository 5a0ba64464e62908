"""What a machine takes from its surroundings: power of the facility, carbon of the grid, water.

Here belong the typed rows of these tables. Power of a GPU today is a figure of the GPU, efficiency
of a data centre belongs to ``training``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

from warehouse.reference.documents import Documents, once, typed_rows

Kind = TypeVar("Kind")


@dataclass(frozen=True, slots=True)
class GridIntensity:
    """The carbon intensity of the electricity of a country or a state, and a year."""

    country: str  # ISO 3166-1 alpha-2, or ISO 3166-2 of a state
    year: int
    grams_co2e_per_kwh: float
    unit: str
    source_url: str
    retrieved_on: date
    note: str = ""


@dataclass(frozen=True, slots=True)
class GridHours:
    """How the carbon intensity of a grid varies over the hours of a year."""

    country: str
    year: int
    zone: str  # the grid that was measured, with the country or state in it
    low: float  # 10th percentile of the hours
    mean: float
    high: float  # 90th percentile
    unit: str
    source_url: str
    retrieved_on: date
    note: str = ""


@dataclass(frozen=True, slots=True)
class FormerFacilityPower:
    """The power of one GPU with server, network and cooling that was assumed until a day."""

    gpu_id: str
    valid_to: date  # the first day on which it no longer holds
    facility_watts: float
    source_url: str
    retrieved_on: date
    note: str = ""


@dataclass(frozen=True, slots=True)
class WaterUsage:
    """Water that a provider's sites take, over the energy of their servers, in a year."""

    provider_id: str
    year: int
    litres_per_kwh: float
    unit: str
    source_url: str
    retrieved_on: date
    note: str = ""


@dataclass(frozen=True, slots=True)
class EmbodiedCarbon:
    """What making one GPU emitted, from the raw material to the gate of the factory."""

    gpu_id: str
    embodied_kg_co2e: float
    unit: str
    source_url: str
    retrieved_on: date
    note: str = ""


@dataclass(frozen=True, slots=True)
class Grid:
    """The newest carbon intensity of a grid, and how far its hours are from the mean."""

    grams_co2e_per_kwh: float
    low_over_mean: float | None  # 10th percentile of the hours, None where none were read
    high_over_mean: float | None  # 90th percentile


@once
def yearly_grid_intensities(documents: Documents) -> tuple[GridIntensity, ...]:
    """Return the carbon intensity of each grid and year."""
    return typed_rows(documents, "grid_intensity", GridIntensity)


@once
def grid_intensities(documents: Documents) -> Mapping[str, float]:
    """Return the newest carbon intensity by country or state. [gCO2e / kWh]."""
    rows = yearly_grid_intensities(documents)
    return {row.country: row.grams_co2e_per_kwh for row in sorted(rows, key=lambda row: row.year)}


@once
def grids(documents: Documents) -> Mapping[str, Grid]:
    """Return the newest intensity of each grid with its spread over the hours.

    Examples
    --------
    >>> from warehouse.reference import bundled
    >>> grids(bundled())["GB"].high_over_mean > 1.5, grids(bundled())["PL"].high_over_mean
    (True, None)
    """
    known = _rows(documents, "grid_intensity_hours", GridHours)
    hours = {row.country: row for row in sorted(known, key=lambda row: row.year)}
    return {
        country: Grid(
            grams,
            hours[country].low / hours[country].mean if country in hours else None,
            hours[country].high / hours[country].mean if country in hours else None,
        )
        for country, grams in grid_intensities(documents).items()
    }


@once
def former_facility_power(documents: Documents) -> tuple[FormerFacilityPower, ...]:
    """Return what was assumed of facilities before."""
    return _rows(documents, "former_facility_power", FormerFacilityPower)


@once
def water_usages(documents: Documents) -> Mapping[str, float]:
    """Return the newest water usage of the providers that publish one. [litre / kWh]."""
    rows = _rows(documents, "water_usage", WaterUsage)
    return {row.provider_id: row.litres_per_kwh for row in sorted(rows, key=lambda row: row.year)}


@once
def embodied_carbon(documents: Documents) -> Mapping[str, float]:
    """Return what making one GPU emitted, of those whose footprint is published. [kgCO2e]."""
    rows = _rows(documents, "embodied_carbon", EmbodiedCarbon)
    return {row.gpu_id: row.embodied_kg_co2e for row in rows}


def _rows(documents: Documents, name: str, kind: type[Kind]) -> tuple[Kind, ...]:
    """Return the rows of a table; none of documents that are older than the table."""
    return typed_rows(documents, name, kind) if f"{name}.csv" in documents.names() else ()

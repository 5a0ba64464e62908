"""Binds the reference data of training costs to the objects of ``cost_engine.training``.

Here belongs the conversion of typed rows into figures, spreads and price tables. The rows are read
in ``warehouse.reference``, the rules are in ``cost_engine.training``; no sums are made here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from cost_engine.training.published.figures import OTHER, Figures
from cost_engine.training.published.prices import PriceTables
from cost_engine.training.published.rules import Chip
from cost_engine.training.spreads import Spread
from pipelines.derive import epoch
from warehouse.reference import Documents
from warehouse.reference.training import corrections, electricity_by_year
from warehouse.reference.training_method import (
    TrainingFigure,
    training_figures,
    training_names,
)

KEPT_DOCUMENTS = 4
"""Sets of reference documents of which the results are kept: the bundled one and a few of tests."""

_DIVISORS = ("utilisation", "utilisation_small")
_SPREADS = {
    "hours_reported": ("spread", "hours_reported"),
    "quantity": ("spread", "quantity"),
    "time_confident": ("spread", "time_confident"),
    "time": ("spread", "time"),
    "compute_confident": ("spread", "compute_confident"),
    "compute": ("spread", "compute"),
    "utilisation_reported": ("spread", "utilisation_reported"),
    "utilisation": ("utilisation", "default"),
    "utilisation_small": ("utilisation", "small"),
    "price_gpu": ("spread", "price_gpu"),
    "price_tpu": ("spread", "price_tpu"),
    "hardware_imputed": ("spread", "hardware_imputed"),
    "server_overhead": ("server_overhead", OTHER),
    "interconnect": ("spread", "interconnect"),
    "power_gpu": ("average_power_fraction", OTHER),
    "power_tpu": ("average_power_fraction", "TPU"),
    "pue_hyperscaler": ("pue", "hyperscaler"),
    "pue": ("pue", OTHER),
    "electricity": ("spread", "electricity"),
    "rental_price": ("spread", "rental_price"),
}
"""Factor of ``cost_engine.training.spreads`` to kind and name of its row."""


@lru_cache(maxsize=KEPT_DOCUMENTS)
def figures(documents: Documents) -> Figures:
    """Return the figures that the published method takes as given."""
    rows = training_figures(documents)
    names = training_names(documents)
    central = {
        kind: {name: row.central for name, row in members.items()} for kind, members in rows.items()
    }
    tpu_v4 = corrected_values("Google TPU v4", "chips", documents)
    vendors = dict(names["cloud_vendor"])
    return Figures(
        server_overheads=central["server_overhead"],
        server_power_ratios=central["server_power_ratio"],
        average_power_fractions=central["average_power_fraction"],
        hyperscaler_pue=central["pue"]["hyperscaler"],
        other_pue=central["pue"][OTHER],
        hyperscalers=tuple(names["hyperscaler"]),
        default_utilisation_fraction=central["utilisation"]["default"],
        tpu_equivalent_usd=central["tpu_equivalent_usd"],
        tpu_v4_board_power_watts=float(tpu_v4["board_power_watts"]),
        purchase_families=tuple(names["purchase_family"]),
        rental_names=names["rental_name"],
        default_cloud_vendor=vendors.pop(OTHER),
        tpu_cloud_vendor=vendors.pop("tpu"),
        cloud_vendors=vendors,
        vendor_order=tuple(names["vendor_order"]),
        committed_discounts={
            vendor: (discount, central["three_year_discount"][vendor])
            for vendor, discount in central["one_year_discount"].items()
        },
    )


@lru_cache(maxsize=KEPT_DOCUMENTS)
def spreads(documents: Documents) -> Mapping[str, Spread]:
    """Return how uncertain each kind of input is, relative to its central value."""
    rows = training_figures(documents)
    return {
        factor: _spread(rows[kind][name], is_divisor=factor in _DIVISORS)
        for factor, (kind, name) in _SPREADS.items()
    }


def _spread(row: TrainingFigure, *, is_divisor: bool = False) -> Spread:
    if row.low is None or row.high is None:
        raise epoch.TableError(f"training_figures.csv: {row.kind} {row.name}: needs low and high")
    make = Spread.of_divisor if is_divisor else Spread.around
    return make(row.central, row.low, row.high, f"{row.source}: {row.note}")


def given_utilisation_range(documents: Documents) -> tuple[float, float]:
    """Return how certain a utilisation is that the user gives, relative to it [1]."""
    spread = _spread(training_figures(documents)["spread"]["utilisation_given"])
    return spread.low, spread.high


def published_electricity(documents: Documents) -> Mapping[int, float]:
    """Return the prices of electricity as the published program has them [USD / kWh]."""
    printed = {
        int(year): row.central
        for year, row in training_figures(documents)["electricity_usd_per_kwh"].items()
    }
    older = electricity_by_year(documents)
    return {year: usd for year, usd in older.items() if year < min(printed)} | printed


def corrected_values(name: str, table: str, documents: Documents) -> dict[str, Any]:
    """Return the corrected cells of a row of Epoch AI's tables, by field.

    Parameters
    ----------
    name : str
        The model or the chip.
    table : {"models", "chips"}
    documents : Documents
    """
    return {
        item.column: item.value
        for item in corrections(documents)
        if item.table == f"epoch_training_cost.{table}" and item.key == name
    }


@lru_cache(maxsize=4 * KEPT_DOCUMENTS)
def published_tables(vintage: str, documents: Documents) -> PriceTables:
    """Return the chips, prices, index and electricity of a vintage as they were published.

    Case files are costed with these, under any rules: they are compared with what others made of
    the published tables.
    """
    tables = epoch.bundled_tables(vintage, documents)
    return PriceTables(
        tables.chips,
        tables.purchases,
        tables.rentals,
        tables.price_index,
        published_electricity(documents),
        figures(documents),
    )


@lru_cache(maxsize=4 * KEPT_DOCUMENTS)
def price_tables(vintage: str, documents: Documents) -> PriceTables:
    """Return the tables by which the models of the warehouse are costed under a vintage.

    The clean rules take those of June 2025 with corrected chips and our prices of electricity.
    """
    published = published_tables(vintage, documents)
    if vintage != "clean":
        return published
    chips: dict[str, Chip] = {
        name: replace(chip, **corrected_values(name, "chips", documents))
        for name, chip in published.chips.items()
    }
    return published.with_chips(chips, electricity_by_year(documents))

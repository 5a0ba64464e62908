"""``marts.training_backtest``: published hours, energy and dollars of training runs beside ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from cost_engine import backtest
from cost_engine.training import uncertainty as training_uncertainty
from cost_engine.training.development import DevelopmentCost
from cost_engine.training.published.estimates import estimates
from cost_engine.training.published.rules import VINTAGES
from cost_engine.training.run import rental_usd
from cost_engine.training.spreads import Uncertainty
from cost_engine.uncertainty import product_interval
from cost_engine.units import SECONDS_PER_HOUR
from pipelines.derive import training_method
from pipelines.derive.training_runs import Basis, all_bases, developments, uncertainty_of
from pipelines.derive.writing import write_table
from warehouse.reference.training import TruthCase, truth_cases

DRAWS = 2_000
COVERAGE_SPLIT_YEAR = 2024
"""The spreads were set on models published before this year."""
COVERAGE_RANK = 10
"""Models among the first so many of their time are a group of their own."""

CIRCULAR_UTILISATION = 0.30
"""Where hours are reported and compute is not, Epoch AI computes it from the hours at this
utilisation: such a row compares the hours with themselves. [1]"""
CIRCULAR_TOLERANCE = 0.01
"""Relative difference from ``CIRCULAR_UTILISATION`` of a row that counts as computed so. [1]"""
STATED_HOURS = ("reported", "quantity*time")
"""Methods of GPU-hours that take them, or the number of chips and the time, from the record."""

_COLUMNS = {
    "gpu_hours": "gpu_hours",
    "energy_kwh": "energy_kwh",
    "rental_usd": "cloud_usd",
    "rental_real_usd": "real_cloud_usd",
    "acquisition_usd": "acquisition_usd",
}
"""Quantity of a case to the column of ``Estimates``."""


@dataclass(frozen=True)
class Compared:
    """One published figure beside ours."""

    case: TruthCase
    predicted: float | None
    low: float | None = None
    high: float | None = None
    kind: str = "prediction"

    @property
    def ratio(self) -> float | None:
        """Ours over the published figure or the nearer end of its range [1]."""
        if self.predicted is None:
            return None
        return backtest.ratio_to_range(self.predicted, self.case.reported, self.case.reported_high)

    @property
    def is_within(self) -> bool | None:
        """Whether the ratio is within the tolerance of the case, either way."""
        if self.ratio is None:
            return None
        return backtest.is_within_ratio(self.ratio, self.case.tolerance_ratio)

    @property
    def is_covered(self) -> bool | None:
        """Whether our 90 % interval meets the published figure or range."""
        if self.low is None or self.high is None:
            return None
        return backtest.is_interval_met(
            self.low, self.high, self.case.reported, self.case.reported_high
        )


def derive(connection: duckdb.DuckDBPyConnection, on: date) -> None:
    """Make the table; the day does not matter."""
    rows = [_row(compared) for compared in external_truth(all_bases(connection))]
    write_table(connection, "marts.training_backtest", rows)


def _row(compared: Compared) -> dict[str, Any]:
    case = compared.case
    return {
        "case_id": case.case_id,
        "model": case.model,
        "quantity": case.quantity,
        "predicted": compared.predicted,
        "kind": compared.kind,
        "reported": case.reported,
        "reported_high": case.reported_high,
        "unit": case.unit,
        "ratio": compared.ratio,
        "tolerance_ratio": case.tolerance_ratio,
        "is_within_tolerance": compared.is_within,
        "low": compared.low,
        "high": compared.high,
        "is_covered": compared.is_covered,
        "price_basis": case.basis,
        "source": case.source,
        "source_url": case.source_url,
        "note": case.note or None,
    }


def external_truth(costed: Mapping[str, Basis]) -> list[Compared]:
    """Return published hours, energy and dollars of ten models beside ours.

    Parameters
    ----------
    costed : mapping of str to Basis
        By vintage; every vintage that ``training_truth.csv`` names must be there.
    """
    projects: dict[str, DevelopmentCost] = {}
    found = []
    for case in truth_cases(costed["clean"].documents):
        part = costed[case.basis]
        if case.quantity == "development_usd":
            projects = projects or developments(part, DRAWS)
            low, middle, high = projects[case.model].quantiles_usd()
            found.append(Compared(case, middle, low, high))
        else:
            found.append(_compared(case, part))
    return found


def _compared(case: TruthCase, part: Basis) -> Compared:
    index = [run.model for run in part.runs].index(case.model)
    numbers = part.estimates.numbers
    if case.stated_usd_per_hour is not None:
        hours = float(numbers["gpu_hours"][index])
        return Compared(case, rental_usd(case.stated_usd_per_hour, hours), kind="recomputation")
    value = float(numbers[_COLUMNS[case.quantity]][index])
    if np.isnan(value):
        return Compared(case, None)
    mean, deviation = _factor(case.quantity, part.uncertainty)
    low, high = product_interval(value, float(mean[index]), float(deviation[index]))
    is_stated = part.estimates.texts["gpu_hours_method"][index] in STATED_HOURS
    kind = "recomputation" if case.quantity == "gpu_hours" and is_stated else "prediction"
    return Compared(case, value, low, high, kind)


def _factor(
    quantity: str, uncertainty: Uncertainty
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    if quantity == "gpu_hours":
        return training_uncertainty.hours_factor(uncertainty)
    if quantity == "energy_kwh":
        return training_uncertainty.energy_factor(uncertainty)
    if quantity == "acquisition_usd":
        return training_uncertainty.acquisition_factor(uncertainty)
    return training_uncertainty.rental_factor(uncertainty)


def circular(
    flops: Sequence[float],
    gpu_hours: Sequence[float],
    peak_flops_per_second: Sequence[float] | NDArray[np.float64],
) -> NDArray[np.bool_]:
    """Return which runs have a compute that was computed from their hours.

    Examples
    --------
    >>> circular([0.30 * 3600e12, 0.41 * 3600e12], [1.0, 1.0], [1e12, 1e12]).tolist()
    [True, False]
    """
    able = np.asarray(gpu_hours) * SECONDS_PER_HOUR * np.asarray(peak_flops_per_second)
    share = np.asarray(flops) / able
    found: NDArray[np.bool_] = np.abs(share / CIRCULAR_UTILISATION - 1) < CIRCULAR_TOLERANCE
    return found


def coverage(costed: Basis, level: float = 0.9) -> dict[str, tuple[int, int]]:
    """Return how often reported GPU-hours lie in the interval made from compute alone.

    Runs whose compute was computed from their hours are left out, and runs on top of another
    model: their compute counts the base model, their hours do not.

    Parameters
    ----------
    costed : Basis
    level : float
        Of the interval. [1]

    Returns
    -------
    dict of str to (int, int)
        Group to models in the interval and models compared.
    """
    tables = training_method.price_tables("clean", costed.documents)
    chosen = []
    for row, run in zip(costed.models, costed.runs, strict=True):
        reported = run.gpu_hours or (run.hardware_quantity or 0) * (run.training_hours or 0)
        is_computable = run.training_flops and run.hardware in tables.chips
        is_whole = not run.is_hardware_imputed and not run.base_model
        if reported and is_computable and is_whole:
            chosen.append((row, run, reported))
    blind = [
        replace(
            run,
            utilisation_fraction=None,
            gpu_hours=None,
            hardware_quantity=None,
            training_hours=None,
        )
        for _, run, _ in chosen
    ]
    result = estimates(blind, tables, VINTAGES["clean"])
    unknown = uncertainty_of([row for row, _, _ in chosen], result, costed.documents)
    hours = result.numbers["gpu_hours"]
    is_circular = circular(
        [run.training_flops or np.nan for _, run, _ in chosen],
        [reported for _, _, reported in chosen],
        result.numbers["peak_flops_per_second"],
    )
    low, high = product_interval(hours, *training_uncertainty.hours_factor(unknown), level)
    is_known = ~np.isnan(hours) & ~is_circular
    years = np.array([run.published_on.year if run.published_on else 0 for _, run, _ in chosen])
    ranks = np.array([run.rank if run.rank is not None else np.inf for _, run, _ in chosen])
    groups = {
        "all": is_known,
        f"top {COVERAGE_RANK} of their time": is_known & (ranks <= COVERAGE_RANK),
        f"published before {COVERAGE_SPLIT_YEAR}": is_known
        & (years > 0)
        & (years < COVERAGE_SPLIT_YEAR),
        f"published since {COVERAGE_SPLIT_YEAR}": is_known & (years >= COVERAGE_SPLIT_YEAR),
    }
    reported_hours = np.array([reported for _, _, reported in chosen], dtype=float)
    return {
        name: backtest.coverage(low, high, reported_hours, is_counted)
        for name, is_counted in groups.items()
    }

"""``marts.training_cost_trend``: how fast the cost of leading models grows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from cost_engine import trends
from cost_engine.training.published.selection import trend_points
from cost_engine.training.uncertainty import COST_COLUMNS
from pipelines.derive.training_runs import METHODS, Basis, all_bases
from pipelines.derive.writing import write_table

SELECTIONS = (3, 5, 10, 20)
"""Models among the first so many of their time by compute."""
LEVELS = (0.9, 0.95)
"""Levels of the confidence intervals. [1]"""
TARGET_USD = 1e9
"""Cost whose date is projected. [USD]"""
TARGET_YEAR = 2027.0
"""Year for which a cost is projected. [year]"""
FEWEST_MODELS = 3
"""Models below which no line is fitted."""
FEWEST_MODELS_OF_BREAKPOINT = 10
"""Models below which no kink is looked for."""


def derive(connection: duckdb.DuckDBPyConnection, on: date) -> None:
    """Make the table; the day does not matter."""
    write_table(connection, "marts.training_cost_trend", trend_rows(all_bases(connection)))


def trend(
    costed: Basis, method: str, top: int, *, is_imputed_counted: bool = True
) -> trends.Trend | None:
    """Return the growth of real cost over the models among the ``top`` of their time.

    None for fewer than ``FEWEST_MODELS`` models.
    """
    years, costs = _points(costed, method, top, is_imputed_counted=is_imputed_counted)
    return trends.fitted_trend(years, costs) if len(years) >= FEWEST_MODELS else None


def _points(
    costed: Basis, method: str, top: int, *, is_imputed_counted: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    real = costed.estimates.numbers[f"real_{COST_COLUMNS[method]}"]
    return trend_points(costed.runs, real, top, is_imputed_counted=is_imputed_counted)


def trend_rows(costed: Mapping[str, Basis]) -> list[dict[str, Any]]:
    """Return one row per vintage, selection, method, treatment of imputed hardware and level."""
    rows: list[dict[str, Any]] = []
    for name, part in costed.items():
        imputed = (True, False) if part.estimates.vintage.is_hardware_imputed else (False,)
        for top in SELECTIONS:
            for method in METHODS:
                for is_counted in imputed:
                    points = _points(part, method, top, is_imputed_counted=is_counted)
                    if len(points[0]) < FEWEST_MODELS:
                        continue
                    subject = {
                        "selection": f"top {top}",
                        "method": method,
                        "price_basis": name,
                        "is_imputed_hardware_counted": is_counted,
                    }
                    month = {"real_month": part.estimates.vintage.real_month}
                    rows.extend(subject | row | month for row in _trend_levels(*points))
    return rows


def _trend_levels(years: NDArray[np.float64], costs: NDArray[np.float64]) -> list[dict[str, Any]]:
    fitted = trends.fitted_trend(years, costs)
    is_enough = len(years) >= FEWEST_MODELS_OF_BREAKPOINT
    kink = trends.fitted_breakpoint(years, costs) if is_enough else None
    rows = []
    for level in LEVELS:
        low, high = fitted.growth_interval(level)
        predicted_low, predicted_high = fitted.prediction_interval(TARGET_YEAR, level)
        rows.append(
            {
                "growth_per_year": fitted.growth_per_year,
                "ci_low": low,
                "ci_high": high,
                "ci_level": level,
                "model_count": fitted.count,
                "r_squared": fitted.r_squared,
                "slope_orders_per_year": fitted.slope,
                "residual_deviation_orders": fitted.residual_deviation,
                "usd_1e9_reached_mean_on": fitted.date_reached(TARGET_USD),
                "usd_1e9_reached_anchored_on": fitted.date_reached(TARGET_USD, "max"),
                "usd_1e9_reached_anchored_earliest_on": fitted.date_reached(
                    TARGET_USD, "max", high
                ),
                "usd_1e9_reached_anchored_latest_on": fitted.date_reached(TARGET_USD, "max", low),
                "usd_2027_mean": fitted.cost_usd(TARGET_YEAR),
                "usd_2027_predicted_low": predicted_low,
                "usd_2027_predicted_high": predicted_high,
                "breakpoint_year": kink.year if kink else None,
                "growth_before_breakpoint": kink.growth_before if kink else None,
                "growth_after_breakpoint": kink.growth_after if kink else None,
                "is_breakpoint_supported": kink.is_supported if kink else None,
            }
        )
    return rows

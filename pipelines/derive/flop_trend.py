"""Makes ``marts.flop_trend``: growth of FLOP/s, per watt and per dollar, by release date.

Selects the accelerators and binds the regression of ``cost_engine.trends`` to them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from cost_engine.trends import decimal_year, fitted_trend
from warehouse.reports import report_dicts

if TYPE_CHECKING:
    import duckdb

PRECISIONS = ("fp32", "bf16", "fp8")
INTERVAL_LEVEL = 0.9
FEWEST_GPUS = 5
FEWEST_DATES = 3

QUANTITIES: Mapping[str, bool] = {
    "flops_per_second": False,
    "flops_per_second_per_watt": False,
    "flops_per_second_per_purchase_usd": False,
    "flops_per_second_per_rental_usd_per_hour": True,
}
"""What grows, and whether it depends on the rental prices of a day."""

SCHEMA = pa.schema(
    [
        ("quantity", pa.string()),
        ("precision", pa.string()),
        ("gpu_count", pa.int32()),
        ("first_released_on", pa.date32()),
        ("last_released_on", pa.date32()),
        ("growth_per_year", pa.float64()),
        ("ci_low", pa.float64()),
        ("ci_high", pa.float64()),
        ("ci_level", pa.float64()),
        ("years_to_double", pa.float64()),
        ("r_squared", pa.float64()),
        ("priced_on", pa.date32()),
    ]
)


def derive(connection: duckdb.DuckDBPyConnection, on: date) -> None:
    """Fit the growth of each quantity at each precision.

    Parameters
    ----------
    connection : DuckDBPyConnection
        The build file, open for writing, with ``marts.gpu_price_now`` made.
    on : date
        The day of the rental prices.
    """
    peaks = report_dicts(connection, "released_peaks")
    trends = []
    for precision in PRECISIONS:
        for quantity, is_of_day in QUANTITIES.items():
            found = [
                (row["released_on"], row[quantity])
                for row in peaks
                if row["precision"] == precision and row[quantity] is not None
            ]
            if len(found) >= FEWEST_GPUS and len({day for day, _ in found}) >= FEWEST_DATES:
                trends.append(
                    {
                        "quantity": quantity,
                        "precision": precision,
                        **growth(found),
                        "priced_on": on if is_of_day else None,
                    }
                )
    connection.register("made", pa.Table.from_pylist(trends, schema=SCHEMA))
    connection.execute("create or replace table marts.flop_trend as from made")
    connection.unregister("made")


def growth(found: list[tuple[date, float]]) -> dict[str, Any]:
    """Return the columns of one trend from release dates and values."""
    days = [day for day, _ in found]
    years = np.array([decimal_year(day) for day in days])
    trend = fitted_trend(years, np.array([value for _, value in found]))
    low, high = trend.growth_interval(INTERVAL_LEVEL)
    return {
        "gpu_count": len(found),
        "first_released_on": min(days),
        "last_released_on": max(days),
        "growth_per_year": trend.growth_per_year,
        "ci_low": low,
        "ci_high": high,
        "ci_level": INTERVAL_LEVEL,
        "years_to_double": trend.years_to_double,
        "r_squared": trend.r_squared,
    }

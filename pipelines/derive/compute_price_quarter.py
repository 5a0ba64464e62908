"""Makes ``marts.compute_price_quarter`` and ``marts.compute_price_factor``: the hedonic index.

Binds ``cost_engine.hedonic`` to the prices of data-centre GPUs. The base is the first quarter of
2024, or, where that is not published, the first quarter that is, else the first of all.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import duckdb
import pyarrow as pa

from cost_engine.hedonic import HedonicFit, PricedGpu, hedonic_fit
from pipelines.derive.writing import write_table
from warehouse.reports import report_dicts

BASE_QUARTER = 2024 * 4
FIGURES = {
    "memory": "memory_bytes",
    "bandwidth": "bandwidth_bytes_per_second",
    "flops_per_second": "flops_per_second",
}
MARKS = {
    "form_factor": "form_factor",
    "family": "market_family",
    "region": "reference_region",
    "contract": "contract",
}
QUARTER_SCHEMA = pa.schema(
    [
        ("quarter_started_on", pa.date32()),
        ("base_quarter_started_on", pa.date32()),
        ("index_base_100", pa.float64()),
        ("low_80", pa.float64()),
        ("high_80", pa.float64()),
        ("log_level", pa.float64()),
        ("log_standard_error", pa.float64()),
        ("provider_count", pa.int32()),
        ("gpu_count", pa.int32()),
        ("evidence", pa.string()),
    ]
)
FACTOR_SCHEMA = pa.schema(
    [
        ("factor", pa.string()),
        ("effect_log", pa.float64()),
        ("log_standard_error", pa.float64()),
        ("row_count", pa.int32()),
        ("r_squared", pa.float64()),
        ("log_deviation", pa.float64()),
    ]
)


def derive(connection: duckdb.DuckDBPyConnection, on: date) -> None:
    """Make both tables from ``marts.item_price_month``; the day does not matter.

    They are empty with fewer than two providers.
    """
    rows = [_priced(row) for row in report_dicts(connection, "hedonic_rows")]
    fit = None
    base = BASE_QUARTER
    if len({row.provider_id for row in rows}) > 1:
        base = min(row.quarter for row in rows)
        fit = hedonic_fit(rows, base)
        published = [one.quarter for one in fit.quarters if one.is_published]
        wanted = BASE_QUARTER if BASE_QUARTER in published else min(published, default=base)
        if wanted != base:
            base, fit = wanted, hedonic_fit(rows, wanted)
    write_table(connection, "marts.compute_price_quarter", _quarters(fit, base), QUARTER_SCHEMA)
    write_table(connection, "marts.compute_price_factor", _factors(fit, len(rows)), FACTOR_SCHEMA)


def _priced(row: Mapping[str, Any]) -> PricedGpu:
    return PricedGpu(
        quarter=row["quarter_number"],
        provider_id=row["provider_id"],
        gpu_id=row["gpu_id"],
        usd_per_gpu_hour=row["usd_per_gpu_hour"],
        figures={name: row[column] for name, column in FIGURES.items()},
        marks={name: row[column] for name, column in MARKS.items()},
    )


def _quarters(fit: HedonicFit | None, base: int) -> list[dict[str, Any]]:
    return [
        {
            "quarter_started_on": _day(one.quarter),
            "base_quarter_started_on": _day(base),
            "index_base_100": sure(one.index),
            "low_80": sure(one.interval[0]),
            "high_80": sure(one.interval[1]),
            "log_level": sure(one.log_level),
            "log_standard_error": sure(one.standard_error),
            "provider_count": one.provider_count,
            "gpu_count": one.gpu_count,
            "evidence": "published" if one.is_published else "thin",
        }
        for one in (fit.quarters if fit else ())
    ]


def _factors(fit: HedonicFit | None, row_count: int) -> list[dict[str, Any]]:
    return [
        {
            "factor": one.name,
            "effect_log": sure(one.value),
            "log_standard_error": sure(one.standard_error),
            "row_count": row_count,
            "r_squared": sure(fit.r_squared),
            "log_deviation": sure(fit.log_deviation),
        }
        for one in (fit.coefficients if fit else ())
        if fit
    ]


def sure(value: float) -> float:
    """Return a result of the regression without the digits that depend on the order of sums."""
    return round(value, 6)


def _day(quarter: int) -> date:
    return date(quarter // 4, quarter % 4 * 3 + 1, 1)

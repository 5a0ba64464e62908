"""``marts.reservation_multiplier``: what a reservation really costs a job of some months."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import duckdb
import pyarrow as pa

from cost_engine.prices import reservation
from pipelines.derive.writing import write_table
from warehouse.reports import report_dicts

JOB_MONTHS = (1, 2, 3, 6, 12, 18, 24, 36)
TERM_MONTHS = (1, 6, 12, 24, 36)
RESALE_FRACTIONS = (0.0, 0.5)

_SCHEMA = pa.schema(
    [
        ("gpu_id", pa.string()),
        ("provider_id", pa.string()),
        ("market_family", pa.string()),
        ("commitment_months", pa.int32()),
        ("job_months", pa.int32()),
        ("resale_fraction", pa.float64()),
        ("multiplier", pa.float64()),
        ("day", pa.date32()),
        ("on_demand_usd_per_gpu_hour", pa.float64()),
        ("reserved_usd_per_gpu_hour", pa.float64()),
        ("effective_usd_per_gpu_hour", pa.float64()),
        ("break_even_months", pa.float64()),
        ("is_reserved_cheaper", pa.bool_()),
        ("reason", pa.string()),
    ]
)

Row = Mapping[str, Any]


def derive(connection: duckdb.DuckDBPyConnection, on: date) -> None:
    """Make the table from ``marts.price_term_structure``, whose day is that of the build."""
    rows = reservation_rows(report_dicts(connection, "term_prices"))
    write_table(connection, "marts.reservation_multiplier", rows, _SCHEMA)


def reservation_rows(terms: Sequence[Row]) -> list[dict[str, Any]]:
    """Return the effective price of a reservation by provider, term, job and resale.

    Reserved and on-demand prices are those of the same machine of one provider. Rows without
    ``gpu_id`` have the multiplier alone, which needs no price.
    """
    bare: list[Row] = [{"commitment_months": term} for term in TERM_MONTHS]
    return [
        _row(term, job, resale)
        for term in [*bare, *terms]
        for job in JOB_MONTHS
        for resale in RESALE_FRACTIONS
    ]


def _row(term: Row, job_months: int, resale_fraction: float) -> dict[str, Any]:
    reserved = term.get("usd_per_gpu_hour")
    on_demand = term.get("on_demand_usd_per_gpu_hour")
    found = reservation(term["commitment_months"], job_months, resale_fraction, reserved, on_demand)
    is_withheld = reserved is not None and on_demand is None
    return {
        "gpu_id": term.get("gpu_id"),
        "provider_id": term.get("provider_id"),
        "market_family": term.get("market_family"),
        "commitment_months": term["commitment_months"],
        "job_months": job_months,
        "resale_fraction": resale_fraction,
        "multiplier": found.multiplier,
        "day": term.get("day"),
        "on_demand_usd_per_gpu_hour": on_demand,
        "reserved_usd_per_gpu_hour": reserved,
        "effective_usd_per_gpu_hour": found.effective_usd_per_gpu_hour,
        "break_even_months": found.break_even_months,
        "is_reserved_cheaper": found.is_reserved_cheaper,
        "reason": "no price of the same machine on demand to compare with" if is_withheld else None,
    }

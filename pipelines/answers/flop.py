"""What a floating-point operation, a gigabyte and a terabyte per second cost to rent.

The select is ``warehouse/sql/reports/flop.sql``. Asking and printing belong to the commands.
"""

from __future__ import annotations

from typing import Any

import duckdb

from pipelines.derive.price_basis import PriceBasis
from warehouse.reports import report_dicts, run_report


def precisions(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Return the number formats that have a cost."""
    return [name for (name,) in run_report(connection, "flop_named").rows]


def flop(
    connection: duckdb.DuckDBPyConnection,
    basis: PriceBasis,
    *,
    gpu_id: str | None,
    precision: str | None,
    row_limit: int,
) -> list[dict[str, Any]]:
    """Return the cost of operations: rows that are ranked first, each part cheapest first.

    Parameters
    ----------
    connection : DuckDBPyConnection
        A published file, or a past of it.
    basis : PriceBasis
        Which price.
    gpu_id, precision : str, optional
        Only this accelerator, and this number format; None asks for any.
    row_limit : int
        How many rows at most.
    """
    return report_dicts(
        connection, "flop", **vars(basis), gpu_id=gpu_id, precision=precision, row_limit=row_limit
    )

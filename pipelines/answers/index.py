"""The price index of a GPU: its newest values by market family, and the days that have one.

The selects are ``warehouse/sql/reports/index*.sql``. Recomputing a day belongs to
``verify_index``, printing to the commands.
"""

from __future__ import annotations

from datetime import date

import duckdb

from warehouse.reports import ReportRows, run_report


def index(
    connection: duckdb.DuckDBPyConnection,
    gpu_id: str,
    purchase_model: str,
    market_family: str | None = None,
    min_providers: int = 3,
) -> ReportRows:
    """Return the newest value of each market family and commitment, and how far it moved.

    Parameters
    ----------
    connection : DuckDBPyConnection
        A published file, or a past of it.
    gpu_id, purchase_model : str
    market_family : str, optional
        Only this one.
    min_providers : int
        The newest value of so many providers; the index itself asks for three. [1]
    """
    return run_report(
        connection,
        "index",
        gpu_id=gpu_id,
        purchase_model=purchase_model,
        market_family=market_family,
        min_providers=min_providers,
    )


def days(connection: duckdb.DuckDBPyConnection) -> tuple[date | None, date | None, int]:
    """Return the first and the last day that have an index, and how many there are."""
    [(first, last, count)] = run_report(connection, "index_days").rows
    return first, last, count


def days_with_index(connection: duckdb.DuckDBPyConnection) -> str:
    """Return a line that says which days have an index."""
    first, last, count = days(connection)
    return f"there are {count} days from {first} to {last}" if count else "there is no index yet"

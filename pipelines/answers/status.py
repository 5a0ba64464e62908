"""The state of each source, what is held, and when the last run was published.

The selects are ``warehouse/sql/reports/{status,quarantine*,published_at}.sql``. Deciding about held
rows belongs to ``warehouse.quality``, printing to the commands.
"""

from __future__ import annotations

from datetime import datetime

import duckdb

from warehouse.reports import ReportRows, run_report


def status(connection: duckdb.DuckDBPyConnection) -> ReportRows:
    """Return the last attempt of each source."""
    return run_report(connection, "status")


def published_at(connection: duckdb.DuckDBPyConnection) -> datetime:
    """Return the end of the last published run. [UTC, without a zone]."""
    at: datetime
    [(at,)] = run_report(connection, "published_at").rows
    return at


def held(
    connection: duckdb.DuckDBPyConnection,
    *,
    state: str,
    source_id: str | None,
    rule: str | None,
    is_summary: bool,
    row_limit: int,
) -> ReportRows:
    """Return what rules hold, batches before rows, newest first.

    Parameters
    ----------
    connection : DuckDBPyConnection
        A published file.
    state : {"held", "accepted", "rejected"}
        What was decided.
    source_id, rule : str, optional
        Only this source, and this rule.
    is_summary : bool
        Whether to count by source and rule instead.
    row_limit : int
        How many rows at most.
    """
    return run_report(
        connection,
        "quarantine_summary" if is_summary else "quarantine",
        state=state,
        source_id=source_id,
        rule=rule,
        row_limit=row_limit,
    )

"""The state of each source, what is held, and when the last run was published.

The selects are ``warehouse/sql/reports/{status,quarantine*,published_at}.sql``. Deciding about held
rows belongs to ``warehouse.quality``, printing to the commands.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

import duckdb

from warehouse.reports import ReportRows, run_report


def status(connection: duckdb.DuckDBPyConnection) -> ReportRows:
    """Return the last attempt of each source."""
    return run_report(connection, "status")


def verified(declared: Iterable[tuple[str, bool]]) -> str:
    """Return how many sources there are, how many are on, and on what they were verified.

    Parameters
    ----------
    declared : iterable of (str, bool)
        Of each source, on what it was verified (whole, excerpt or description), and whether it is
        on by default.

    Examples
    --------
    >>> verified([("whole", True), ("description", False)]).partition(":")[0]
    '2 sources, 1 of them on'
    """
    listed = list(declared)
    number = Counter(verified_with for verified_with, _ in listed)
    return (
        f"{len(listed)} sources, {sum(is_on for _, is_on in listed)} of them on: {number['whole']}"
        f" were verified on a whole real answer, {number['excerpt']} on an excerpt of one,"
        f" {number['description']} on descriptions only."
    )


def disagreements(connection: duckdb.DuckDBPyConnection) -> ReportRows:
    """Return the prices that several sources tell, and whether they agree."""
    return run_report(connection, "disagreements")


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

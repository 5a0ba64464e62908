"""The warehouse rebuilt from landing, compared with the previous one.

Setting the build file aside, carrying over what landing cannot give, and putting the file back on
failure belong here. Building and publishing are passed in, because they are a job.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb

from pipelines.capture.landing import Landing
from pipelines.reading.ledger import pending_captures
from pipelines.reading.reader import parse_captures
from warehouse.database import DataFolderError, open_build, put_back
from warehouse.history import API_PRICE, OFFER
from warehouse.models import table_exists
from warehouse.paths import Home
from warehouse.rows import literal

CARRIED_OVER = (
    "marts.gpu_price_index_revision",
    "meta.price_correction",
    "meta.quarantine_audit",
    "meta.reference_document",
)


class RebuildError(DataFolderError):
    """The warehouse cannot be rebuilt; the previous one is unchanged."""


@dataclass(frozen=True, kw_only=True)
class Rebuilt:
    """What a rebuild made: rows of each table of history, and whether they are as before."""

    tables: dict[str, tuple[int, bool]]
    lost_decisions: int


def rebuild(home: Home, *, is_parsed_again: bool, build: Callable[[Home], str | None]) -> Rebuilt:
    """Rebuild the build file from landing, and restore the previous one if that fails.

    Parameters
    ----------
    home : Home
        The data folder; the caller holds its lock.
    is_parsed_again : bool
        Whether observations are deleted, so that every payload is parsed again.
    build : callable
        Builds and publishes, and returns why it failed, or None.

    Raises
    ------
    RebuildError
        If landing is damaged or the build fails.
    DataFolderError
        If another process holds the build file.
    """
    damaged = list(Landing(home).damaged())
    if damaged:
        more = f" ({len(damaged) - 1} more: truecost verify)" if len(damaged) > 1 else ""
        raise RebuildError(f"{damaged[0]}{more}; the rows read from it before would be lost")
    try:
        with open_build(home, wait_seconds=5) as connection:
            before = fingerprints(connection)
            connection.execute("checkpoint")
            home.build_database.rename(home.build_before)
        if is_parsed_again and home.observations.exists():
            shutil.rmtree(home.observations)
        parse_captures(home, pending_captures(home, Landing(home).sources()))
        with open_build(home) as connection:
            carry_over(connection, home.build_before)
        failure = build(home)
        if failure is not None:
            raise RebuildError(failure)
    except DataFolderError:
        if home.build_before.exists():
            put_back(home)
        raise
    with open_build(home) as connection:
        after = fingerprints(connection)
        lost = lost_decisions(connection)
    home.build_before.unlink(missing_ok=True)
    return Rebuilt(
        tables={
            table: (after.get(table, (0, None))[0], before.get(table) == after.get(table))
            for table in sorted(before | after)
        },
        lost_decisions=lost,
    )


def carry_over(connection: duckdb.DuckDBPyConnection, before: Path) -> None:
    """Copy the tables that cannot be made from landing, if the new file does not have them."""
    connection.execute(f"attach {literal(str(before))} as before (read_only)")
    for table in CARRIED_OVER:
        if table_exists(connection, table, "before") and not _is_here(connection, table):
            connection.execute(f"create table {table} as from before.{table}")
    connection.execute("detach before")


def _is_here(connection: duckdb.DuckDBPyConnection, table: str) -> bool:
    [(name,)] = connection.execute("select current_database()").fetchall()
    return table_exists(connection, table, name)


def lost_decisions(connection: duckdb.DuckDBPyConnection) -> int:
    """Return how many decisions are about an entry that is no longer in quarantine."""
    [(count,)] = connection.execute(
        "select count(distinct held_id) from meta.quarantine_audit"
        " anti join meta.quarantine using (held_id)"
    ).fetchall()
    return int(count)


def fingerprints(connection: duckdb.DuckDBPyConnection) -> dict[str, tuple[int, int]]:
    """Return the rows and a hash, independent of their order, of every table of history."""
    found = {}
    for entity in (OFFER, API_PRICE):
        view = f"core.{entity.view}"
        if table_exists(connection, view):
            columns = ", ".join(entity.columns)
            [found[view]] = connection.execute(
                f"select count(*), coalesce(sum(hash({columns})), 0) from {view}"
            ).fetchall()
    return found

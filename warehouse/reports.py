"""Selects that answer one question from the published file: one file a report in ``sql/reports``.

A report has the header of a model (grain, ``-- column | meaning [unit]``), and a line
``-- parameter: name | meaning`` for each ``$name`` in its select. Reading, finding and running
reports belongs here. Which question is asked, and how the answer is laid out, is decided by
``pipelines.answers``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import duckdb

from warehouse.models import (
    SQL_FOLDER,
    DocumentedColumn,
    ModelError,
    named_tables,
    read_sql_file,
    tables_in,
)
from warehouse.rows import dicts


@dataclass(frozen=True)
class Report:
    """A select that answers one question."""

    name: str  # reports.<file>
    grain: str
    columns: tuple[DocumentedColumn, ...]
    parameters: Mapping[str, str]  # name: meaning
    select: str
    names_tables: frozenset[str]  # read through a macro, so that the select does not show them

    @cached_property
    def depends_on(self) -> frozenset[str]:
        """Return the tables that the report reads."""
        return self.names_tables | tables_in(self.select)


@cache
def read_reports(folder: Path = SQL_FOLDER) -> dict[str, Report]:
    """Return every report by its name, such as ``reports.offers``.

    Raises
    ------
    ModelError
        If a file breaks the rules.
    """
    return {
        f"reports.{path.stem}": read_report(path)
        for path in sorted((folder / "reports").glob("*.sql"))
    }


def read_report(path: Path) -> Report:
    """Read one report file.

    Raises
    ------
    ModelError
        If the grain, the columns, the select or the meaning of a parameter is missing.
    """
    file = read_sql_file(path)
    if file.select is None:
        raise ModelError(f"{path.name}: no select")
    parameters = {}
    for line in file.words.get("parameter", ()):
        name, bar, meaning = line.partition(" | ")
        if not bar:
            raise ModelError(f"{path.name}: write '-- parameter: name | meaning', not {line!r}")
        parameters[name] = meaning
    return Report(
        f"reports.{path.stem}",
        file.grain,
        file.columns,
        parameters,
        file.select,
        named_tables(file.words),
    )


@cache
def report(name: str) -> Report:
    """Return the report of a name, reading only its file.

    Examples
    --------
    >>> report("offers").name
    'reports.offers'
    """
    return read_report(SQL_FOLDER / "reports" / f"{name}.sql")


@dataclass(frozen=True)
class ReportRows:
    """The rows of a report, with the names of their columns."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]

    def without(self, hidden: set[str]) -> ReportRows:
        """Return the answer with some columns left out.

        Examples
        --------
        >>> ReportRows(("gpu_id", "usd"), [("L4", 0.5)]).without({"usd"})
        ReportRows(columns=('gpu_id',), rows=[('L4',)])
        """
        kept = [number for number, name in enumerate(self.columns) if name not in hidden]
        return ReportRows(
            tuple(self.columns[number] for number in kept),
            [tuple(row[number] for number in kept) for row in self.rows],
        )


def run_report(
    connection: duckdb.DuckDBPyConnection, name: str, **parameters: object
) -> ReportRows:
    """Run a report.

    Parameters
    ----------
    connection : DuckDBPyConnection
        A published file, or a past of it.
    name : str
        The file in ``sql/reports``, without its ending.
    **parameters : object
        A value for each parameter; those that the report does not declare are left out.

    Raises
    ------
    KeyError
        If a parameter of the report is not given.
    """
    cursor = _run(connection, name, parameters)
    return ReportRows(tuple(column[0] for column in cursor.description or []), cursor.fetchall())


def report_dicts(
    connection: duckdb.DuckDBPyConnection, name: str, **parameters: object
) -> list[dict[str, Any]]:
    """Run a report, and return each row as a dict (see ``run_report``)."""
    return dicts(_run(connection, name, parameters))


def _run(
    connection: duckdb.DuckDBPyConnection, name: str, parameters: Mapping[str, object]
) -> duckdb.DuckDBPyConnection:
    asked = report(name)
    return connection.execute(
        asked.select, {parameter: parameters[parameter] for parameter in asked.parameters}
    )

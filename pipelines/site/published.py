"""Runs the queries of the site on the published file, and keeps each answer with its SQL.

A file that an older truecost published may lack a table or a column. The answer is then empty and
says so; a name that no truecost knows is an error. What a query asks belongs to ``queries``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import duckdb
import sqlglot
from sqlglot import exp

from pipelines.answers.as_of import Past, derive_costs, open_past
from pipelines.site.query import read_query
from pipelines.text import visible
from warehouse.database import open_published
from warehouse.migrations import SCHEMA_VERSION
from warehouse.models import read_models, tables_in
from warehouse.paths import Home
from warehouse.rows import dicts, plain

Row = dict[str, Any]
PLAIN = frozenset({str, int, bool, type(None)})  # types that plain leaves as they are
NO_ROWS = "the tables hold no such rows"


@dataclass(frozen=True)
class Answer:
    """The answer of the published file to one query.

    Parameters
    ----------
    sql : str
        The query with its values, ready to be run again.
    columns : tuple of str
        Names of the columns.
    rows : list of dict
        The rows by column name.
    reason : str
        Why there are no rows; empty where there are.
    """

    sql: str
    columns: tuple[str, ...]
    rows: list[Row]
    reason: str = ""

    def __bool__(self) -> bool:
        """Return whether there are rows."""
        return bool(self.rows)

    @property
    def first(self) -> Row:
        """The first row; only for answers that have one."""
        return self.rows[0]

    def values(self) -> dict[str, list[Any]]:
        """Return the plain values of each column, for files."""
        return {name: plain_column([row[name] for row in self.rows]) for name in self.columns}


def plain_column(values: list[Any]) -> list[Any]:
    """Return the values of a column as ``plain`` gives each."""
    return values if PLAIN.issuperset(map(type, values)) else list(map(plain, values))


@dataclass(frozen=True)
class Published:
    """The published file, open for reading, as it is or as of a past day.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The open file.
    past : Past or None
        The past day and the day of knowledge, if a past was asked for.
    asked : dict
        The queries that were run for all values of a parameter, by name.
    """

    connection: duckdb.DuckDBPyConnection
    past: Past | None = None
    asked: dict[str, Callable[[Any], Answer]] = field(default_factory=dict, compare=False)

    def ask(self, query: str, **values: Any) -> Answer:
        """Run one query of the site.

        Parameters
        ----------
        query : str
            Its name, such as ``gpu/offers``.
        **values
            A value for each of its parameters.

        Raises
        ------
        QueryError
            If the values do not match the parameters.
        duckdb.Error
            If the query fails for another reason than that the file is too old for it.
        """
        return self.run(read_query(query).sql(**values))

    def ask_each(self, query: str, key: str) -> Callable[[Any], Answer]:
        """Run a query once for all values of its parameter, which is also one of its columns.

        Returns
        -------
        callable
            From a value of the parameter to its answer, with the SQL that gives it alone.
        """
        if query in self.asked:
            return self.asked[query]
        asked = read_query(query)
        everything = self.run(asked.sql_of_all(key))
        rows: dict[Any, list[Row]] = {}
        for row in everything.rows:
            rows.setdefault(row[key], []).append(row)

        def answer(value: Any) -> Answer:
            known = rows.get(value, [])
            reason = "" if known else everything.reason or NO_ROWS
            return Answer(asked.sql(**{key: value}), everything.columns, known, reason)

        self.asked[query] = answer
        return answer

    def ask_pairs(
        self, query: str, keys: tuple[str, str], pairs: Sequence[tuple[Any, Any]], **values: Any
    ) -> list[Answer]:
        """Run a query of two parameters, which are also its columns, once for all pairs of values.

        Returns
        -------
        list of Answer
            One for each pair, with the SQL that gives it alone.
        """
        asked = read_query(query)
        sides = dict(zip(keys, zip(*pairs, strict=True), strict=True))
        everything = self.run(asked.among(sides).sql(**values))
        rows: dict[tuple[Any, ...], list[Row]] = {pair: [] for pair in pairs}
        for row in everything.rows:  # of every first with every second
            rows.get(tuple(row[key] for key in keys), []).append(row)
        return [
            Answer(
                asked.sql(**dict(zip(keys, pair, strict=True)), **values),
                everything.columns,
                rows[pair],
                "" if rows[pair] else everything.reason or NO_ROWS,
            )
            for pair in pairs
        ]

    def run(self, sql: str) -> Answer:
        """Run a statement; text in the answer is made visible and harmless."""
        try:
            cursor = self.connection.execute(sql)
        except (duckdb.CatalogException, duckdb.BinderException) as error:
            lacking = lacking_in(self.connection, sql, str(error))
            if lacking is None:
                raise
            return Answer(sql, (), [], f"the published file has no {lacking} yet")
        columns = tuple(column[0] for column in cursor.description or ())
        rows = [
            {
                name: visible(value) if isinstance(value, str) else value
                for name, value in row.items()
            }
            for row in dicts(cursor)
        ]
        return Answer(sql, columns, rows, "" if rows else NO_ROWS)


@contextmanager
def opened(home: Home, past: Past | None = None) -> Iterator[Published]:
    """Open the published file of a data folder, as it is or as of a past day."""
    with open_published(home) as connection:
        if past is None:
            yield Published(connection)
            return
        with open_past(connection, past) as earlier:
            derive_costs(earlier)
            yield Published(earlier, past)


def lacking_in(connection: duckdb.DuckDBPyConnection, sql: str, error: str) -> str | None:
    """Return the table or column that a query needs and an older file lacks.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The published file.
    sql : str
        The query that failed.
    error : str
        The message of DuckDB, which names what it did not find.

    Returns
    -------
    str or None
        ``table x`` or ``column x``; None where this truecost documents no such name either, so
        that the query itself is wrong. Tables of ``meta`` have no documented columns: there, any
        name counts if the schema version of the file is older.
    """
    held: dict[str, set[str]] = {}
    for table, column in connection.execute(
        "select schema_name || '.' || table_name, column_name from duckdb_columns()"
    ).fetchall():
        held.setdefault(table, set()).add(column)
    used = {column.name for column in sqlglot.parse_one(sql, read="duckdb").find_all(exp.Column)}
    lacking: dict[str, str] = {}
    for table in tables_in(sql):
        model = read_models().get(table)
        documented = {column.name for column in model.columns} if model else None
        if documented is None and is_older(connection):
            documented = used
        if documented is None:
            continue
        if table not in held:
            name = table.split(".")[1]
            lacking[name] = f"table {name}"
        else:
            lacking |= {name: f"column {name}" for name in (documented - held[table]) & used}
    named = re.findall(r"\w+", error.split("\n")[0])
    return next((lacking[name] for name in named if name in lacking), None)


def is_older(connection: duckdb.DuckDBPyConnection) -> bool:
    """Return whether the file has an older schema version than this truecost writes."""
    try:
        [(version,)] = connection.execute("select max(version) from meta.schema_version").fetchall()
    except duckdb.CatalogException:
        return True
    return version is None or int(version) < SCHEMA_VERSION

"""Questions to the published file, and their answers with the SQL that was asked.

A table that is not there, or holds nothing, is an answer too: one without rows and with a reason.
What is asked belongs to the pages.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import duckdb

from pipelines.escaping import visible
from pipelines.past import Past, derive_costs, open_past
from warehouse.database import open_published
from warehouse.paths import Home

Row = dict[str, Any]
NO_ROWS = "the tables hold no such rows"


@dataclass(frozen=True)
class Answer:
    """What the file says to one query.

    Parameters
    ----------
    sql : str
        The query as it was asked, ready to be asked again.
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

    def cells(self) -> list[list[Any]]:
        """Return the rows as lists of plain values, for files."""
        return [[plain(row[column]) for column in self.columns] for row in self.rows]


@dataclass(frozen=True)
class Published:
    """The published file, open for reading, as of now or as of a past day.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The open file.
    past : Past or None
        The past day and the day of knowledge, if that was asked for.
    """

    connection: duckdb.DuckDBPyConnection
    past: Past | None = None

    def ask(self, query: str, **values: Any) -> Answer:
        """Ask one query; ``{name}`` in it stands for a value, which is written as a literal.

        Raises
        ------
        duckdb.Error
            If the query is wrong in another way than asking for what the file does not hold.
        """
        sql = fill(query, values)
        try:
            cursor = self.connection.execute(sql)
        except (duckdb.CatalogException, duckdb.BinderException) as error:
            if not re.search(r"does not exist|not found in FROM clause", str(error)):
                raise
            return Answer(sql, (), [], missing(str(error)))
        columns = tuple(column[0] for column in cursor.description or ())
        rows = [
            {
                name: visible(value) if isinstance(value, str) else value
                for name, value in zip(columns, row, strict=True)
            }
            for row in cursor.fetchall()
        ]
        return Answer(sql, columns, rows, "" if rows else NO_ROWS)

    def ask_each(self, query: str, key: str) -> Callable[[Any], Answer]:
        """Ask a query with the condition ``key = {key}`` once for all values of the key.

        Returns
        -------
        callable
            From a value of the key to its answer, with the query that gives it alone.
        """
        everything = self.ask(query.replace(f"{key} = {{{key}}}", f"{key} is not null"))
        rows: dict[Any, list[Row]] = {}
        for row in everything.rows:
            rows.setdefault(row[key], []).append(row)

        def answer(value: Any) -> Answer:
            known = rows.get(value, [])
            reason = "" if known else everything.reason or NO_ROWS
            return Answer(fill(query, {key: value}), everything.columns, known, reason)

        return answer


@contextmanager
def opened(home: Home, past: Past | None = None) -> Iterator[Published]:
    """Open the published file of a home, as it stands or as of a past day."""
    with open_published(home) as connection:
        if past is None:
            yield Published(connection)
            return
        with open_past(connection, past) as earlier:
            derive_costs(earlier)
            yield Published(earlier, past)


def fill(query: str, values: Mapping[str, Any]) -> str:
    """Return a query with its values written as SQL literals, and its indent removed.

    Examples
    --------
    >>> fill("select {gpu_id}, {n}", {"gpu_id": "it's", "n": 3})
    "select 'it''s', 3"
    """
    lines = query.strip("\n").splitlines()
    indent = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
    text = "\n".join(line[indent:] for line in lines).strip()
    for name, value in values.items():
        text = text.replace("{" + name + "}", literal(value))
    return text


def literal(value: Any) -> str:
    """Return a value as a SQL literal.

    Examples
    --------
    >>> literal("a'b"), literal(None), literal([1, "x"]), literal(date(2026, 1, 2))
    ("'a''b'", 'null', "(1, 'x')", "date '2026-01-02'")
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, datetime):
        return f"timestamp '{value:%Y-%m-%d %H:%M:%S}'"
    if isinstance(value, date):
        return f"date '{value.isoformat()}'"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "(" + ", ".join(literal(one) for one in value) + ")" if value else "(null)"
    return "'" + str(value).replace("'", "''") + "'"


def missing(error: str) -> str:
    """Return in words what DuckDB found missing.

    Examples
    --------
    >>> missing("Catalog Error: Table with name api_margin does not exist!")
    'the published file has no table api_margin yet'
    """
    found = re.search(r"(Table|column) (?:with name )?\"?([\w.]+)\"?", error)
    if found is None:
        return "the published file does not hold this yet"
    return f"the published file has no {found[1].lower()} {found[2]} yet"


def plain(value: Any) -> Any:
    """Return a value as JSON and CSV know it; times as ISO 8601 in UTC.

    Examples
    --------
    >>> plain(Decimal("1.5")), plain(datetime(2026, 1, 2, 3)), plain(float("nan"))
    (1.5, '2026-01-02T03:00:00Z', None)
    """
    if value is None or isinstance(value, (str, int)):
        return value
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%dT%H:%M:%S}Z"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and value != value:
        return None
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    return value

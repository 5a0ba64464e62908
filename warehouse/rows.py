"""Rows and values on their way between DuckDB, SQL text and JSON.

Turning a cursor into dicts, quoting values and names for SQL, and the one rule for values in JSON
belong here. What is asked, and how an answer is laid out, is decided by the callers.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Protocol


class Cursor(Protocol):
    """A query that ran: what ``DuckDBPyConnection.execute`` returns."""

    @property
    def description(self) -> list[Any] | None:
        """One tuple a column; the name comes first."""

    def fetchall(self) -> list[Any]:
        """Return all rows that are left, as tuples."""


def dicts(cursor: Cursor) -> list[dict[str, Any]]:
    """Return the rows of a query that ran, each as a dict from column name to value.

    Examples
    --------
    >>> import duckdb
    >>> dicts(duckdb.connect().execute("select 'H100' as gpu, 2.5::double as usd"))
    [{'gpu': 'H100', 'usd': 2.5}]
    """
    names = [column[0] for column in cursor.description or []]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def literal(value: object) -> str:
    """Return a value as a SQL literal; several values as a list in parentheses, for ``in``.

    Examples
    --------
    >>> literal("a'b"), literal(None), literal([1, "x"]), literal(date(2026, 1, 2))
    ("'a''b'", 'null', "(1, 'x')", "date '2026-01-02'")
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):  # 0.1 would be a DECIMAL, and one cast to double is rounded twice
        return f"'{value!r}'::double"
    if isinstance(value, int):
        return repr(value)
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        utc = value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
        return f"timestamp '{utc.isoformat(sep=' ')}'"
    if isinstance(value, date):
        return f"date '{value.isoformat()}'"
    if isinstance(value, (list, tuple)):
        return f"({', '.join(map(literal, value)) or 'null'})"
    return "'" + str(value).replace("'", "''") + "'"


def list_literal(values: Iterable[object]) -> str:
    """Return values as a SQL list.

    Examples
    --------
    >>> list_literal(["a", 1])
    "['a', 1]"
    """
    return f"[{', '.join(map(literal, values))}]"


def identifier(name: str) -> str:
    """Return a name of a column or a table as SQL, whatever characters it holds.

    Examples
    --------
    >>> identifier("price per hour")
    '"price per hour"'
    """
    return '"' + name.replace('"', '""') + '"'


def plain(value: Any) -> Any:
    """Return a value as JSON and CSV have it: one rule for everything that leaves the warehouse.

    A time without a zone is UTC, and every time ends in ``Z``. ``Decimal`` becomes float. NaN and
    infinity, which JSON lacks, become null.

    Examples
    --------
    >>> plain(Decimal("1.5")), plain(datetime(2026, 1, 2, 3)), plain(float("inf"))
    (1.5, '2026-01-02T03:00:00Z', None)
    """
    if value is None or isinstance(value, (str, int)):
        return value
    if isinstance(value, Decimal):
        value = float(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, datetime):
        utc = value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
        return f"{utc.isoformat()}Z"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, (list, tuple)):
        return [plain(part) for part in value]
    if isinstance(value, Mapping):
        return {str(name): plain(part) for name, part in value.items()}
    return str(value)


def exact(value: object) -> object:
    """Return what JSON lacks so that no digit is lost: the ``default`` of a file that is kept.

    Examples
    --------
    >>> exact(Decimal("0.10")), exact(datetime(2026, 1, 2, tzinfo=UTC))
    ('0.10', '2026-01-02T00:00:00+00:00')
    """
    if isinstance(value, datetime):
        return (value.astimezone(UTC) if value.tzinfo else value).isoformat()
    return dict(value) if isinstance(value, Mapping) else str(value)

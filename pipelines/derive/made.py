"""What each table was made from: which tables have to be made again, and which have not.

``meta.made`` keeps of each table what made it, the tables that it was made from, and a hash of
both. A table is current where neither has changed since. The tables that a module of this room
reads are seen while it runs, so nothing has to be declared (a build system with verifying traces:
Mokhov and others, "Build Systems a la Carte", 2018). Making the tables belongs to ``make``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import duckdb

import cost_engine
from pipelines.derive.reference_tables import reference_version
from warehouse.meaning import hash_of, python_hash, sql_meaning
from warehouse.models import (
    SQL_FOLDER,
    TableModel,
    read_models,
    table_exists,
    tables_in,
    tables_there,
)
from warehouse.rows import identifier

# Filled as rows arrive, by the load. What they hold follows from what was captured and decided.
LOADED_BY = ("warehouse/history.py", "pipelines/derive/load.py")
# Emptied once the days in it have passed their checks: a to-do list, not an input.
NO_INPUT = frozenset({"staged.affected_day"})
MACRO = re.compile(r"create\s+or\s+replace\s+macro\s+([a-z_][a-z0-9_]*)", re.IGNORECASE)
COMMENT = re.compile(r"--.*$", re.MULTILINE)
ABSENT = "absent"


@dataclass(frozen=True)
class Made:
    """What a table was made from."""

    definition_hash: str
    inputs: tuple[str, ...]
    inputs_hash: str
    content_hash: str


class Traces:
    """Which tables of a build are current, as ``meta.made`` tells."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection
        connection.execute((SQL_FOLDER / "made.sql").read_text(encoding="utf-8"))
        rows = connection.execute("from meta.made").fetchall()
        self._made = {name: Made(a, tuple(inputs), b, c) for name, a, inputs, b, c in rows}
        self._content: dict[str, str] = {}  # of tables that this build looked at
        self._there = tables_there(connection)

    def is_current(self, model: TableModel, definition_hash: str) -> bool:
        """Return whether making a table again would give what is there.

        A view that is current shows the same rows: its checks need not run again.
        """
        made = self._made.get(model.name)
        return (
            made is not None
            and made.definition_hash == definition_hash
            and model.name in self._there
            and made.inputs_hash == self.hash_of(made.inputs)
        )

    def begin(self, models: Iterable[TableModel]) -> None:
        """Forget what tables were made from: they are about to be made."""
        for model in models:
            self._made.pop(model.name, None)
            self._content.pop(model.name, None)
            self.connection.execute("delete from meta.made where table_name = ?", [model.name])

    def end(self, model: TableModel, definition_hash: str, reads: Iterable[str]) -> None:
        """Enter what a table has been made from."""
        inputs = tuple(sorted(set(reads) - NO_INPUT - {model.name}))
        inputs_hash = self.hash_of(inputs)
        content = "" if model.kind == "view" else rows_hash(self.connection, model.name)
        made = Made(definition_hash, inputs, inputs_hash, content)
        self._made[model.name] = made
        self._there.add(model.name)
        self.connection.execute(
            "insert into meta.made values (?, ?, ?, ?, ?)",
            [model.name, definition_hash, list(inputs), inputs_hash, content],
        )

    def inputs(self, name: str) -> tuple[str, ...]:
        """Return the tables that a table was made from; none where it has not been made."""
        return self._made[name].inputs if name in self._made else ()

    def hash_of(self, inputs: Iterable[str]) -> str:
        """Return a hash of what some tables hold."""
        return hash_of(f"{name} {self.content(name)}" for name in inputs)

    def content(self, name: str) -> str:
        """Return a hash of what a table holds, from its rows or from what they follow from."""
        if name not in self._content:
            self._content[name] = ""  # a macro may read the view that calls it
            self._content[name] = self._content_of(name)
        return self._content[name]

    def _content_of(self, name: str) -> str:
        model = read_models().get(name)
        if model is not None and model.kind == "view":
            return hash_of((sql_hash(model), self.hash_of(sorted(reads_of(str(model.select))))))
        if name in self._made:
            return self._made[name].content_hash
        if model is not None and (model.made_by in LOADED_BY or model.kind == "append"):
            return self._arrived()
        if not table_exists(self.connection, name):
            return ABSENT
        return rows_hash(self.connection, name)

    def _arrived(self) -> str:
        """Return what changes with every capture that is loaded and every decision on one."""
        rows = self.connection.execute(
            "select count(*), max(recorded_at), max(capture_id) from meta.capture"
            " union all select count(*), max(recorded_at), max(decided_at)::varchar"
            " from meta.quarantine_audit"
        ).fetchall()
        return hash_of((reference_version(), *map(str, rows)))


class Watched:
    """A connection that notes the tables named in the statements that it runs."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self.reads: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        """Return what the connection itself has."""
        return getattr(self._connection, name)

    def execute(self, sql: str, *rest: Any, **named: Any) -> Any:
        """Run a statement."""
        self.reads |= reads_of(sql)
        return self._connection.execute(sql, *rest, **named)

    def sql(self, sql: str, *rest: Any, **named: Any) -> Any:
        """Return the relation of a select."""
        self.reads |= reads_of(sql)
        return self._connection.sql(sql, *rest, **named)

    def table(self, name: str) -> Any:
        """Return a table as a relation."""
        self.reads |= reads_of(name)
        return self._connection.table(name)


@cache
def reads_of(sql: str) -> frozenset[str]:
    """Return the tables that a statement names, itself or through a macro that it calls.

    Examples
    --------
    >>> sorted(reads_of("select * from core.gpu join marts.offers_latest using (gpu_id)"))
    ['core.gpu', 'marts.offers_latest']
    """
    sql = COMMENT.sub("", sql)
    found = set(tables_in(sql))
    for macro, body in macros().items():
        if re.search(rf"\b{macro}\s*\(", sql):
            found |= body
    return frozenset(found)


@cache
def macros(folder: Path = SQL_FOLDER / "macros") -> dict[str, frozenset[str]]:
    """Return the tables behind each macro; those that its own calls read are among them."""
    bodies: dict[str, str] = {}
    for path in sorted(folder.glob("*.sql")):
        text = path.read_text(encoding="utf-8")
        starts = [*MACRO.finditer(text)]
        ends = [*(one.start() for one in starts[1:]), len(text)]
        for start, end in zip(starts, ends, strict=True):
            bodies[start[1]] = COMMENT.sub("", text[start.end() : end])

    def behind(name: str, seen: frozenset[str]) -> set[str]:
        found = set(tables_in(bodies[name]))
        for other in bodies.keys() - seen:
            if re.search(rf"\b{other}\s*\(", bodies[name]):
                found |= behind(other, seen | {other})
        return found

    return {name: frozenset(behind(name, frozenset({name}))) for name in bodies}


@cache
def sql_hash(model: TableModel) -> str:
    """Return a hash of the select of a table, with the macros and the DuckDB that run it."""
    folder = SQL_FOLDER / "macros"
    texts = (sql_meaning(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.sql")))
    return hash_of((duckdb.__version__, model.kind, sql_meaning(str(model.select)), *texts))


@cache
def engine_hash() -> str:
    """Return a hash of the code that makes tables in Python, and of the figures it reads."""
    folders = (Path(cost_engine.__file__).parent, Path(__file__).parent)
    code = (python_hash(folder.rglob("*.py")) for folder in folders)
    return hash_of((duckdb.__version__, reference_version(), *code))


def rows_hash(connection: duckdb.DuckDBPyConnection, name: str) -> str:
    """Return a hash of the rows of a table, in any order."""
    quoted = ".".join(identifier(part) for part in name.split("."))
    [(count, total)] = connection.execute(
        f"select count(*), sum(hash(t)::hugeint) from {quoted} as t"
    ).fetchall()
    return f"{count}-{total}"

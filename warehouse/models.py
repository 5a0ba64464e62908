"""Runs the SQL models of ``warehouse/sql``: order, comments, lineage and checks from the files.

A model is one file ``sql/<schema>/<table>.sql``: line 1 the grain, one line
``-- column | meaning [unit]``
line per column, ``-- check:`` lines, then one ``select``. Files that say ``-- made by:`` document a
table that Python makes; those that say ``-- grows by: column`` a table that gets longer with time,
whose old rows are not checked again. What the tables mean stays in the files; this module only runs
them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import duckdb
import sqlglot
from sqlglot import exp
from sqlglot.lineage import lineage
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import build_scope
from sqlglot.schema import MappingSchema

SQL_FOLDER = Path(__file__).parent / "sql"
SCHEMAS = ("staged", "core", "marts", "focus")  # in the order in which they are made
COLUMN_LINE = re.compile(r"^-- ([A-Za-z_][A-Za-z0-9_]*) \| (.+)$")
UNIT = re.compile(r"\[([^\]]+)\]\s*$")


class ModelError(ValueError):
    """A SQL model file that breaks the rules of this module; says file, line and way out."""


@dataclass(frozen=True)
class Column:
    """A column as its model documents it."""

    name: str
    meaning: str
    unit: str | None


@dataclass(frozen=True)
class Model:
    """One table of the warehouse and the select that makes it."""

    name: str  # schema.table
    grain: str
    columns: tuple[Column, ...]
    checks: tuple[str, ...]
    select: str | None  # None where Python makes the table
    made_by: str | None
    kind: str  # table | view | incremental | append
    grows_by: str | None = None  # a date, or an expression of one: what is new since a day
    depends_on: frozenset[str] = field(default_factory=frozenset)

    @property
    def schema(self) -> str:
        """Return the schema part of the name."""
        return self.name.split(".")[0]


def read_model(path: Path) -> Model:
    """Read one model file.

    Raises
    ------
    ModelError
        If the grain, a column comment or the select is missing.
    """
    name = f"{path.parent.name}.{path.stem}"
    lines = path.read_text(encoding="utf-8").splitlines()
    if not lines or not lines[0].startswith("-- One row per "):
        raise ModelError(f"{path.name}: line 1 must give the grain: '-- One row per ...'")
    columns: list[Column] = []
    checks: list[str] = []
    made_by, kind, grows_by, depends = None, "table", None, frozenset[str]()
    body_starts = len(lines)
    for number, line in enumerate(lines[1:], start=1):
        if not line.startswith("--"):
            body_starts = number
            break
        if line.startswith("-- check: "):
            checks.append(line.removeprefix("-- check: "))
        elif line.startswith("-- made by: "):
            made_by = line.removeprefix("-- made by: ")
        elif line.startswith("-- grows by: "):
            grows_by = line.removeprefix("-- grows by: ")
        elif line.startswith("-- depends on: "):
            depends = frozenset(line.removeprefix("-- depends on: ").replace(" ", "").split(","))
        elif line.strip() == "-- view":
            kind = "view"
        elif line.strip() == "-- incremental: day":
            kind = "incremental"
        elif line.strip() == "-- append":
            kind = "append"
        elif match := COLUMN_LINE.match(line):
            unit = UNIT.search(match[2])
            columns.append(
                Column(match[1], UNIT.sub("", match[2]).strip(), unit[1] if unit else None)
            )
    select = "\n".join(lines[body_starts:]).strip().rstrip(";") or None
    if not columns:
        raise ModelError(f"{path.name}: no '-- column | meaning [unit]' line")
    if (select is None) == (made_by is None):
        raise ModelError(f"{path.name}: give either one select or '-- made by: <module>'")
    if select is not None:
        depends |= tables_in(select) - {name}
    return Model(
        name,
        lines[0].removeprefix("-- "),
        tuple(columns),
        tuple(checks),
        select,
        made_by,
        kind,
        grows_by,
        depends,
    )


@cache
def tables_in(sql: str) -> frozenset[str]:
    """Return the ``schema.table`` names that a statement reads."""
    tree = sqlglot.parse_one(sql, read="duckdb")
    return frozenset(f"{t.db}.{t.name}" for t in tree.find_all(exp.Table) if t.db)


@cache
def read_models(folder: Path = SQL_FOLDER) -> dict[str, Model]:
    """Return every model by name, each after the models that it reads.

    Raises
    ------
    ModelError
        If a file breaks the rules.
    """
    files = [p for schema in SCHEMAS for p in sorted((folder / schema).glob("*.sql"))]
    models = {model.name: model for model in map(read_model, files)}
    graph = {name: sorted(m.depends_on & models.keys()) for name, m in models.items()}
    return {name: models[name] for name in TopologicalSorter(graph).static_order()}


def run_models(
    connection: duckdb.DuckDBPyConnection,
    models: Iterable[Model],
    on_made: Callable[[Model, int | None], None] | None = None,
) -> None:
    """Make the tables of the models, in the order given.

    An ``incremental`` model is refreshed only for the days on which offers moved (entity ``offer``
    of ``staged.affected_day``); its select must restrict itself to those days. To an ``append``
    model, a table of ``ledgers.sql``, the rows of its select are added: it gives only what is new.

    Parameters
    ----------
    connection : DuckDBPyConnection
        The build file, open for writing.
    models : iterable of Model
        Models with a select; those made by Python are passed over.
    on_made : callable, optional
        Called with the model and its row count.
    """
    for model in models:
        if model.select is None:
            continue
        connection.execute(f"create schema if not exists {model.schema}")
        if model.kind == "view":
            connection.execute(f"create or replace view {model.name} as {model.select}")
        elif model.kind == "append":
            connection.execute(f"insert into {model.name} by name {model.select}")
        elif model.kind == "incremental" and table_exists(connection, model.name):
            connection.execute(
                f"delete from {model.name}"
                " where day in (select day from staged.affected_day where entity = 'offer')"
            )
            connection.execute(f"insert into {model.name} by name {model.select}")
        else:
            connection.execute(f"create or replace table {model.name} as {model.select}")
        comment(connection, model)
        if on_made:
            on_made(model, row_count(connection, model))


def row_count(connection: duckdb.DuckDBPyConnection, model: Model) -> int | None:
    """Return the rows of a table; None for a view: to count it is to compute it."""
    if model.kind == "view":
        return None
    return int(connection.execute(f"select count(*) from {model.name}").fetchall()[0][0])


def table_exists(connection: duckdb.DuckDBPyConnection, name: str) -> bool:
    """Tell whether ``schema.table`` (a table or a view) exists."""
    schema, table = name.split(".")
    found = connection.execute(
        "select 1 from information_schema.tables where table_schema = ? and table_name = ?",
        [schema, table],
    ).fetchall()
    return bool(found)


def comment(connection: duckdb.DuckDBPyConnection, model: Model) -> None:
    """Put the grain and every column's meaning and unit into the database as comments.

    Raises
    ------
    ModelError
        If the table has a column that the file does not document, or the other way round.
    """
    existing = [
        row[0]
        for row in connection.execute(
            "select column_name from information_schema.columns"
            " where table_schema || '.' || table_name = ?",
            [model.name],
        ).fetchall()
    ]
    documented = [column.name for column in model.columns]
    if set(existing) != set(documented):
        raise ModelError(
            f"{model.name}: columns and their documentation differ;"
            f" undocumented: {sorted(set(existing) - set(documented))},"
            f" not there: {sorted(set(documented) - set(existing))}"
        )
    kind = "view" if model.kind == "view" else "table"
    connection.begin()  # one commit for all comments, not one each
    connection.execute(f"comment on {kind} {model.name} is {quote(model.grain)}")
    for column in model.columns:
        text = column.meaning + (f" [{column.unit}]" if column.unit else "")
        connection.execute(f'comment on column {model.name}."{column.name}" is {quote(text)}')
    connection.commit()


def quote(text: str) -> str:
    """Return a SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


@dataclass(frozen=True)
class CheckResult:
    """What a check found: the number of wrong rows and one of them."""

    model: str
    number: int
    sql: str
    wrong_rows: int
    example: str | None


def run_checks(
    connection: duckdb.DuckDBPyConnection, models: Iterable[Model], since: date | None = None
) -> Iterator[CheckResult]:
    """Run the ``-- check:`` lines: each selects wrong rows, ``{this}`` is the table.

    Parameters
    ----------
    connection : DuckDBPyConnection
        Where the tables are.
    models : iterable of Model
        Whose checks.
    since : date, optional
        Of tables that grow (``-- grows by:``) only rows of that day and later are read.
    """
    for model in models:
        is_there = table_exists(connection, model.name)
        this = model.name
        if model.grows_by and since is not None:
            this = f"(from {model.name} where {model.grows_by} >= date '{since}')"
        for number, check in enumerate(model.checks, start=1):
            if not is_there:
                yield CheckResult(model.name, number, check, 0, "the table is not made yet")
                continue
            sql = check.replace("{this}", this)
            count = connection.execute(f"select count(*) from ({sql})").fetchall()[0][0]
            example = None
            if count:
                example = str(connection.execute(f"from ({sql}) limit 1").fetchall()[0])[:300]
            yield CheckResult(model.name, number, sql, count, example)


def run_macros(connection: duckdb.DuckDBPyConnection, folder: Path = SQL_FOLDER) -> None:
    """Run ``sql/macros/*.sql``: statements ``create or replace macro ...``, several a file."""
    for path in sorted((folder / "macros").glob("*.sql")):
        connection.execute(path.read_text(encoding="utf-8"))


@cache
def column_lineage(folder: Path = SQL_FOLDER) -> tuple[tuple[str, str, str, str], ...]:
    """Return (table, column, from_table, from_column) for every column of every SQL model.

    A table made by Python has its upstream tables only (column names empty).
    """
    models = read_models(folder)
    schema = MappingSchema(
        {
            schema_name: {
                model.name.split(".")[1]: {column.name: "text" for column in model.columns}
                for model in models.values()
                if model.schema == schema_name
            }
            for schema_name in SCHEMAS
        },
        dialect="duckdb",
    )
    edges: set[tuple[str, str, str, str]] = set()
    for model in models.values():
        edges |= {(model.name, "", upstream, "") for upstream in model.depends_on}
        if model.select is None:
            continue
        edges |= set(_column_edges(model, model.select, schema))
    return tuple(sorted(edges))


def _column_edges(
    model: Model, select: str, schema: MappingSchema
) -> Iterator[tuple[str, str, str, str]]:
    try:  # qualified once, and every column found in one walk: 15 times as fast as one by one
        tree = qualify(
            sqlglot.parse_one(select, read="duckdb"),
            schema=schema,
            dialect="duckdb",
            validate_qualify_columns=False,
            identify=False,
        )
        found = lineage(
            None, tree, schema, dialect="duckdb", scope=build_scope(tree), trim_selects=False,
            copy=False,
        )  # fmt: skip
    except sqlglot.errors.SqlglotError:
        return  # table-level lineage stands; sqlglot cannot resolve every DuckDB idiom
    nodes = {name.lower(): node for name, node in found.items()}
    for column in model.columns:
        node = nodes.get(column.name.lower())
        for leaf in node.walk() if node else ():
            if isinstance(leaf.expression, exp.Table) and leaf.expression.db:
                upstream = f"{leaf.expression.db}.{leaf.expression.name}"
                yield model.name, column.name, upstream, leaf.name.split(".")[-1].strip('"')


def models_hash(folder: Path = SQL_FOLDER) -> str:
    """Return a hash of every SQL file: the version of the derived tables' code."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.sql")):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def select_models(models: dict[str, Model], schemas: Sequence[str]) -> list[Model]:
    """Return the models of some schemas, in running order."""
    return [model for model in models.values() if model.schema in schemas]

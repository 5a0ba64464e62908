"""Runs the SQL models of ``warehouse/sql``: order, comments and checks come from the files.

A model is one file ``sql/<schema>/<table>.sql``: line 1 the grain, one line
``-- column | meaning [unit]`` a column, lines ``-- check: what must hold: select of wrong rows``,
then one ``select``. A file with
``-- made by:`` documents a table that Python makes. ``-- grows by: column`` marks a table that gets
longer with time, whose old rows are not checked again. What the tables mean stays in the files.
Where a column comes from is found by ``warehouse.lineage``; selects that answer a question are in
``warehouse.reports``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path
from typing import cast

import duckdb

from warehouse.meaning import hash_of, sql_meaning
from warehouse.rows import literal

SQL_FOLDER = Path(__file__).parent / "sql"
SCHEMAS = ("staged", "core", "marts", "focus")  # in the order in which they are made
COLUMN_LINE = re.compile(r"^-- ([A-Za-z_][A-Za-z0-9_]*) \| (.+)$")
WORD_LINE = re.compile(r"^-- (check|made by|grows by|depends on|incremental|parameter): (.+)$")
UNIT = re.compile(r"\[([^\]]+)\]\s*$")
TABLE = re.compile(rf"\b(?:{'|'.join((*SCHEMAS, 'meta', 'information_schema'))})\.[a-z_][a-z0-9_]*")
NO_NAMES = re.compile(r"--[^\n]*|'(?:[^']|'')*'")  # comments and texts


class ModelError(ValueError):
    """A SQL model file that breaks the rules of this module; says file, line and way out."""


@dataclass(frozen=True)
class DocumentedColumn:
    """A column as its model documents it."""

    name: str
    meaning: str
    unit: str | None


@dataclass(frozen=True)
class Check:
    """What must hold of every row of a table, and a select of the rows of which it does not."""

    name: str  # in words: "every offer has a price"
    sql: str  # ``{this}`` is the table

    @property
    def slug(self) -> str:
        """Return the name as an identifier.

        Examples
        --------
        >>> Check("an offer stands once", "select 1").slug
        'an_offer_stands_once'
        """
        return re.sub(r"[^a-z0-9]+", "_", self.name.lower())


@dataclass(frozen=True)
class TableModel:
    """A table of the warehouse and the select that makes it."""

    name: str  # schema.table
    grain: str
    columns: tuple[DocumentedColumn, ...]
    checks: tuple[Check, ...]
    select: str | None  # None where Python makes the table
    made_by: str | None
    kind: str  # table | view | incremental | append
    grows_by: str | None = None  # a date, or an expression of one: what is new since a day
    depends_on: frozenset[str] = field(default_factory=frozenset)
    period: str | None = None  # of an incremental table: its column, day or month

    @property
    def schema(self) -> str:
        """Return the schema part of the name."""
        return self.name.split(".")[0]

    @property
    def is_by_day(self) -> bool:
        """Return whether the table is made day by day, so that one day can be made again."""
        return self.kind in ("incremental", "append") and self.grows_by == "day"


@dataclass(frozen=True)
class SqlFile:
    """A SQL file cut into its documentation and its statement."""

    grain: str
    columns: tuple[DocumentedColumn, ...]
    words: dict[str, list[str]]  # "check": [...], for each line ``-- word: text``
    flags: frozenset[str]  # lines of one word, such as ``-- view``
    select: str | None


def read_sql_file(path: Path) -> SqlFile:
    """Read the documentation and the statement of a model or a report.

    Raises
    ------
    ModelError
        If the grain or every column comment is missing.
    """
    lines = path.read_text(encoding="utf-8").splitlines()
    if not lines or not lines[0].startswith("-- One row per "):
        raise ModelError(f"{path.name}: line 1 must give the grain: '-- One row per ...'")
    columns: list[DocumentedColumn] = []
    words: dict[str, list[str]] = {}
    flags: set[str] = set()
    body_starts = len(lines)
    for number, line in enumerate(lines[1:], start=1):
        if not line.startswith("--"):
            body_starts = number
            break
        if word := WORD_LINE.match(line):
            words.setdefault(word[1], []).append(word[2])
        elif match := COLUMN_LINE.match(line):
            unit = UNIT.search(match[2])
            meaning = UNIT.sub("", match[2]).strip()
            columns.append(DocumentedColumn(match[1], meaning, unit[1] if unit else None))
        else:
            flags.add(line.removeprefix("--").strip())
    if not columns:
        raise ModelError(f"{path.name}: no '-- column | meaning [unit]' line")
    select = "\n".join(lines[body_starts:]).strip().rstrip(";") or None
    grain = lines[0].removeprefix("-- ")
    return SqlFile(grain, tuple(columns), words, frozenset(flags), select)


def read_model(path: Path) -> TableModel:
    """Read one model file.

    Raises
    ------
    ModelError
        If the grain, a column comment or the select is missing.
    """
    name = f"{path.parent.name}.{path.stem}"
    file = read_sql_file(path)
    made_by = file.words.get("made by", [None])[0]
    if (file.select is None) == (made_by is None):
        raise ModelError(f"{path.name}: give either one select or '-- made by: <module>'")
    depends = named_tables(file.words)
    if file.select is not None:
        depends |= tables_in(file.select) - {name}
    kind = next((flag for flag in ("view", "append") if flag in file.flags), "table")
    period = file.words.get("incremental", [None])[0]
    if period:
        kind = "incremental"
    return TableModel(
        name,
        file.grain,
        file.columns,
        tuple(read_check(path, line) for line in file.words.get("check", ())),
        file.select,
        made_by,
        kind,
        file.words.get("grows by", [None])[0],
        depends,
        period,
    )


def read_check(path: Path, line: str) -> Check:
    """Read what follows ``-- check:``: the name, a colon and the select.

    Raises
    ------
    ModelError
        If either is missing.
    """
    match = re.fullmatch(r"([^:]+): ((?:select|from)\b.*)", line)
    if match is None:
        raise ModelError(f"{path.name}: '-- check: what must hold: select ...' of the wrong rows")
    return Check(match[1], match[2])


def named_tables(words: dict[str, list[str]]) -> frozenset[str]:
    """Return the tables that ``-- depends on:`` names, for what the statement does not show."""
    return frozenset(
        table.strip() for line in words.get("depends on", ()) for table in line.split(",")
    )


@cache
def tables_in(sql: str) -> frozenset[str]:
    """Return the ``schema.table`` names in a statement, those in comments and texts apart.

    Examples
    --------
    >>> sorted(tables_in("select 'marts.gpu' from core.gpu join meta.run using (day) -- core.day"))
    ['core.gpu', 'meta.run']
    """
    return frozenset(TABLE.findall(NO_NAMES.sub("", sql)))


@cache
def read_models(folder: Path = SQL_FOLDER) -> dict[str, TableModel]:
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
    models: Iterable[TableModel],
    on_made: Callable[[TableModel, int | None], None] | None = None,
) -> None:
    """Make the tables of the models, in the order given.

    An ``incremental`` model is refreshed only for the days or months in which offers moved (entity
    ``offer`` of ``staged.affected_day``); its select must restrict itself to them. To an ``append``
    model, a table of ``ledgers.sql``, the rows of its select are added: it gives only what is new.

    Parameters
    ----------
    connection : DuckDBPyConnection
        The build file, open for writing.
    models : iterable of TableModel
        Models with a select; those made by Python are skipped.
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
                f"delete from {model.name} where {model.period} in (select"
                f" cast(date_trunc('{model.period}', day) as date)"
                " from staged.affected_day where entity = 'offer')"
            )
            connection.execute(f"insert into {model.name} by name {model.select}")
        else:
            select = (
                _of_all_days(connection, model) if model.kind == "incremental" else model.select
            )
            connection.execute(f"create or replace table {model.name} as {select}")
        comment(connection, model)
        if on_made:
            on_made(model, row_count(connection, model))


def _of_all_days(connection: duckdb.DuckDBPyConnection, model: TableModel) -> str:
    """Return the select of a table that is new in a data folder, for every day with an answer."""
    select = str(model.select)
    if not table_exists(connection, "core.offer_capture"):
        return select
    connection.execute(
        "create or replace temp view every_day as from staged.affected_day"
        " union select 'offer', cast(seen_at as date) from core.offer_capture"
    )
    return select.replace("staged.affected_day", "every_day")


def row_count(connection: duckdb.DuckDBPyConnection, model: TableModel) -> int | None:
    """Return the rows of a table; None for a staged view, which nobody reads by itself."""
    if model.kind == "view" and model.schema == "staged":
        return None
    return int(connection.execute(f"select count(*) from {model.name}").fetchall()[0][0])


def table_exists(
    connection: duckdb.DuckDBPyConnection, name: str, database: str | None = None
) -> bool:
    """Return whether ``schema.table`` exists in an attached database, or in any of them."""
    return name in tables_there(connection, database)


def tables_there(connection: duckdb.DuckDBPyConnection, database: str | None = None) -> set[str]:
    """Return the names ``schema.table`` of an attached database, or of all: tables and views.

    One question costs some milliseconds, however many tables there are: ask once for many.
    """
    # These two functions answer five times as fast as information_schema.tables.
    found = connection.execute(
        "select schema_name || '.' || table_name from (select database_name, schema_name,"
        " table_name from duckdb_tables() union all select database_name, schema_name, view_name"
        " from duckdb_views()) where database_name = coalesce($database, database_name)",
        {"database": database},
    ).fetchall()
    return {name for (name,) in found}


def comment(connection: duckdb.DuckDBPyConnection, model: TableModel) -> None:
    """Write the grain and every column's meaning and unit into the database as comments.

    Raises
    ------
    ModelError
        If the table has a column that the file does not document, or the other way round.
    """
    described = connection.execute(f"from {model.name} limit 0").description or []
    existing = [name for name, *_ in described]
    documented = [column.name for column in model.columns]
    if set(existing) != set(documented):
        raise ModelError(
            f"{model.name}: columns and their documentation differ;"
            f" undocumented: {sorted(set(existing) - set(documented))},"
            f" not there: {sorted(set(documented) - set(existing))}"
        )
    kind = "view" if model.kind == "view" else "table"
    statements = [f"comment on {kind} {model.name} is {literal(model.grain)}"]
    for column in model.columns:
        text = column.meaning + (f" [{column.unit}]" if column.unit else "")
        statements.append(f'comment on column {model.name}."{column.name}" is {literal(text)}')
    connection.begin()  # one commit for all comments, not one each
    connection.execute("; ".join(statements))
    connection.commit()


@dataclass(frozen=True)
class CheckResult:
    """What a check found: how many rows are wrong, and one of them."""

    model: str
    name: str
    sql: str
    wrong_rows: int
    example: str | None


def run_checks(
    connection: duckdb.DuckDBPyConnection, models: Iterable[TableModel], since: date | None = None
) -> Iterator[CheckResult]:
    """Run the ``-- check:`` lines: each selects wrong rows, ``{this}`` is the table.

    Parameters
    ----------
    connection : DuckDBPyConnection
        Where the tables are.
    models : iterable of TableModel
        Whose checks.
    since : date, optional
        Of tables that grow (``-- grows by:``) only rows of that day and later are read.
    """
    there = tables_there(connection)
    for model in models:
        this = model.name
        if model.grows_by and since is not None:
            this = f"(from {model.name} where {model.grows_by} >= date '{since}')"
        if model.name not in there:
            for check in model.checks:
                yield CheckResult(model.name, check.name, check.sql, 0, "the table is not made yet")
            continue
        counts = _wrong_rows(connection, model, this)
        for check, count in zip(model.checks, counts, strict=True):
            sql = check.sql.replace("{this}", this)
            example = None
            if count:
                example = str(connection.execute(f"from ({sql}) limit 1").fetchall()[0])[:300]
            yield CheckResult(model.name, check.name, sql, count, example)


def _wrong_rows(
    connection: duckdb.DuckDBPyConnection, model: TableModel, this: str
) -> tuple[int, ...]:
    """Return how many rows each check of a table finds wrong; a view is computed once for all."""
    if not model.checks:
        return ()
    checked = [check.sql.replace("{this}", "checked") for check in model.checks]
    how = "materialized" if model.kind == "view" else "not materialized"
    [counts] = connection.execute(
        f"with checked as {how} (from {this}) select "
        + ", ".join(f"(select count(*) from ({sql}))" for sql in checked)
    ).fetchall()
    return cast("tuple[int, ...]", counts)


def models_hash(folder: Path = SQL_FOLDER) -> str:
    """Return a hash of what the SQL files make, and of how they document it."""
    documented = (
        line
        for path in sorted(folder.rglob("*.sql"))
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.startswith("-- ")
    )
    return hash_of([computation_hash(folder), *documented])


@cache
def computation_hash(folder: Path = SQL_FOLDER) -> str:
    """Return a hash of what the SQL files make and check; words for people do not count."""
    models = (
        f"{m.name} {m.kind} {m.grows_by} {sorted(m.depends_on)} {[check.sql for check in m.checks]}"
        for m in read_models(folder).values()
    )
    statements = (
        f"{path.name} {sql_meaning(path.read_text(encoding='utf-8'))}"
        for path in sorted(folder.rglob("*.sql"))
        if path.parent.name != "reports"
    )
    return hash_of([*models, *statements])

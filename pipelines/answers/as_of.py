"""The published file as of a past moment, with only what was known by a moment.

The history itself holds what was believed then. Every SQL model that reads it is recomputed by its
file in the warehouse; what the cost engine derives from prices is recomputed on demand. Reference
data (specifications, aliases, assumptions) are those that the newest run known then had published.
What does not depend on prices, such as the speed of serving, is that of today.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import duckdb

from pipelines.derive.registry import DERIVATIONS, MADE_WHILE_LOADING
from warehouse import history
from warehouse.database import SESSION, deny_files
from warehouse.macros import run_formulas, run_macros
from warehouse.models import SQL_FOLDER, read_models
from warehouse.reference import Documents
from warehouse.rows import literal

FOREVER = datetime.combine(date(9999, 12, 31), time.min)
DAILY = "marts.gpu_price_daily"
PRICE_NOW = "marts.gpu_price_now"
PRICES = {
    DAILY,
    PRICE_NOW,
    "marts.provider_price_now",
    "marts.price_term_structure",
    "marts.item_price_month",
}
PRICES_NOW = frozenset(DERIVATIONS["gpu_price_now"])
SPEEDS = "marts.serving_point"  # of every day: prices only tell which GPUs to compute
REFERENCE = "meta.reference_document"
KEPT = ("staged.scope_latest", "marts.offers_latest", DAILY)  # read often; the rest are views


@dataclass(frozen=True)
class Past:
    """A past moment, and the moment up to which things were known.

    Parameters
    ----------
    as_of : date or datetime
        When the prices were valid; a date means its end. [UTC, without a zone]
    known_on : date or datetime, optional
        The last moment at which what is shown could have been known; now, where not given.
        [UTC, without a zone]
    """

    as_of: date
    known_on: date | None = None

    @property
    def end(self) -> datetime:
        """The first instant after ``as_of``. [UTC]."""
        return after(self.as_of)

    @property
    def start(self) -> datetime:
        """The first instant of what was asked for: of the day, or the instant itself. [UTC]."""
        if isinstance(self.as_of, datetime):
            return self.as_of
        return datetime.combine(self.as_of, time.min)

    @property
    def known_until(self) -> datetime:
        """The first instant after ``known_on``. [UTC]."""
        return FOREVER if self.known_on is None else after(self.known_on)

    @property
    def day(self) -> date:
        """The day of ``as_of``. [UTC]."""
        return self.as_of.date() if isinstance(self.as_of, datetime) else self.as_of

    @property
    def options(self) -> str:
        """The options of a command that ask for this past."""
        known = "" if self.known_on is None else f" --known-on {self.known_on.isoformat()}"
        return f"--as-of {self.as_of.isoformat()}{known}"

    def __str__(self) -> str:
        """Return the moments for people."""
        known = "" if self.known_on is None else f", as known on {self.known_on}"
        return f"as of {self.as_of}{known}"


def after(moment: date) -> datetime:
    """Return the first instant after a day or an instant.

    Examples
    --------
    >>> after(date(2026, 8, 1)), after(datetime(2026, 8, 1, 6))
    (datetime.datetime(2026, 8, 2, 0, 0), datetime.datetime(2026, 8, 1, 6, 0, 0, 1))
    """
    if isinstance(moment, datetime):
        return moment + timedelta(microseconds=1)
    return datetime.combine(moment + timedelta(days=1), time.min)


@contextmanager
def open_past(now: duckdb.DuckDBPyConnection, past: Past) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the same file behind views that hide what came later.

    Parameters
    ----------
    now : DuckDBPyConnection
        The published file.
    past : Past
        What is to be seen of it.
    """
    with attached_as_present(now) as connection:
        cover(connection, past)
        yield connection


@contextmanager
def attached_as_present(
    now: duckdb.DuckDBPyConnection,
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a connection of its own, in which a published file is the database ``present``."""
    path = now.execute(
        "select path from duckdb_databases() where database_name = current_database()"
    ).fetchall()[0][0]
    with duckdb.connect(config=settings_of(now)) as connection:
        connection.execute(SESSION)
        connection.execute(f"attach {literal(path)} as present (read_only)")
        [(folders,)] = now.execute("select current_setting('allowed_directories')").fetchall()
        deny_files(connection, map(Path, folders))
        yield connection


@contextmanager
def covered_by_present(
    now: duckdb.DuckDBPyConnection, changed: str
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the same file behind views, so that one table can be changed for this connection.

    The table is copied. SQL models that read it, at whatever distance, are views of their own; what
    the cost engine derives from it is as published, but for ``prices_made_again``.

    Parameters
    ----------
    now : DuckDBPyConnection
        The published file.
    changed : str
        The table that will change.
    """
    with attached_as_present(now) as connection:
        there = {table for (table, *_) in columns_of_present(connection)}
        models = read_models()
        reading = {changed}
        for name, model in models.items():  # each follows those that it reads
            is_made = model.select and model.kind in ("table", "view")
            if model.depends_on & reading and (is_made or name in PRICES_NOW):
                reading.add(name)
        again = [name for name in models if name in reading & there - {changed, *PRICES_NOW}]
        for schema in {table.split(".")[0] for table in there}:
            connection.execute(f"create schema if not exists {schema}")
        connection.execute(f"create table {changed} as from present.{changed}")
        for table in there - (reading - PRICES_NOW):
            kind = "table" if table in PRICES_NOW else "view"  # a table can be replaced
            connection.execute(f"create {kind} {table} as from present.{table}")
        run_formulas(connection)
        for name in again:
            connection.execute(f"create view {name} as {models[name].select}")
        run_macros(connection)
        yield connection


def prices_made_again(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the tables again that the cost engine derives from the prices of now."""
    newest = connection.execute(f"select max(day) from {DAILY}").fetchall()[0][0]
    importlib.import_module("pipelines.derive.gpu_price_now").derive(connection, newest)


def settings_of(connection: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """Return the settings of a connection that another one to the same rows needs too."""
    names = ("memory_limit", "threads", "temp_directory", "autoload_known_extensions")
    values = connection.execute(
        f"select {', '.join(f'current_setting({literal(name)})' for name in names)}"
    ).fetchall()[0]
    return dict(zip(names, values, strict=True))


def cover(connection: duckdb.DuckDBPyConnection, past: Past) -> None:
    """Cover every table of ``present`` with a view, and run every model of prices again."""
    columns: dict[str, list[str]] = {}
    for table, column in columns_of_present(connection):
        columns.setdefault(table, []).append(column)
    again = {
        name: model
        for name, model in read_models().items()
        if {name, *model.depends_on} <= columns.keys()
        and model.select
        and model.kind != "append"
        and name not in MADE_WHILE_LOADING
    }
    for schema in {table.split(".")[0] for table in columns}:
        connection.execute(f"create schema if not exists {schema}")
    for table in HISTORIES.keys() & columns.keys():
        file, whole = HISTORIES[table]
        rows = rows_then(file, past, history=whole)
        connection.execute(f"create view {table} as {rows}")
    reference = reference_then(connection) if REFERENCE in columns else {}
    for table, arrow in reference.items():
        connection.register("reference_table", arrow)
        connection.execute(f"create table {table} as from reference_table")
        connection.unregister("reference_table")
    made = {*again, *HISTORIES, *MOMENT, *reference}
    for table in columns.keys() - made:
        rows = f"select * from present.{table}{hidden(table, columns[table], past)}"
        connection.execute(f"create view {table} as {rows}")
    for table, file in MOMENT.items():
        connection.execute(f"create table {table} as {rows_then(file, past)}")
    run_formulas(connection)
    for name, model in again.items():
        kind = "table" if name in KEPT else "view"
        select = f"create {kind} {name} as {model.select}"
        if model.kind == "incremental":
            unmoved = rows_then("unmoved", past, table=name, period=str(model.period))
            select += f"\nunion all by name {unmoved}"
        connection.execute(select)
        if name == DAILY:
            run_macros(connection)  # they read it, and views over it read them
    connection.execute((SQL_FOLDER / "meta_views.sql").read_text(encoding="utf-8"))
    if {PRICE_NOW, DAILY} <= columns.keys():
        derived_again(connection, "gpu_price_now")  # the views of costs read it


def columns_of_present(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    """Return every table and column of ``present``."""
    return connection.execute(
        "select schema_name || '.' || table_name, column_name from duckdb_columns()"
        " where database_name = 'present' and not internal"
    ).fetchall()


def reference_then(connection: duckdb.DuckDBPyConnection) -> Mapping[str, Any]:
    """Return the tables of the reference documents known then; none if they are those of today."""
    changed = connection.execute(
        f"""
        select count(*) from (
            (select name, sha256 from {REFERENCE}
            except select name, sha256 from present.{REFERENCE} where superseded_at is null)
            union all
            (select name, sha256 from present.{REFERENCE} where superseded_at is null
            except select name, sha256 from {REFERENCE})
        )
        """
    ).fetchall()[0][0]
    if not changed:
        return {}
    # The one import inside a function of this module: pyarrow is slow to load and rarely needed.
    from warehouse.reference.tables import reference_tables

    return reference_tables(Documents.of_published(connection))


def hidden(table: str, columns: Sequence[str], past: Past) -> str:
    """Return the condition under which a row of a table was there then.

    Examples
    --------
    >>> past = Past(date(2026, 8, 1), date(2026, 8, 2))
    >>> print(hidden("marts.training_cost", ["day", "usd"], past))
     where "day" < timestamp '2026-08-02 00:00:00'
    >>> print(hidden("meta.run", ["started_at"], past))
     where "started_at" < timestamp '2026-08-03 00:00:00'
    """
    valid = {"day", "on", "month"} if table.startswith(("core.", "marts.")) else set()
    known = {"recorded_at", "started_at", "decided_at"}
    # A table without recorded_at holds the newest reading only: it was known when it was seen.
    (valid if "recorded_at" in columns else known).add("seen_at")
    conditions = [
        f"\"{column}\" < timestamp '{end}'"
        for names, end in ((valid, past.end), (known, past.known_until))
        for column in columns
        if column in names
    ]
    return " where " + " and ".join(conditions) if conditions else ""


def derive_costs(connection: duckdb.DuckDBPyConnection) -> None:
    """Recompute the tables of the cost engine that depend on prices.

    Parameters
    ----------
    connection : DuckDBPyConnection
        A past, see ``open_past``.
    """
    priced = {name for name, model in read_models().items() if PRICES & model.depends_on}
    for module, tables in DERIVATIONS.items():
        if priced.issuperset(tables) and not {PRICE_NOW, SPEEDS} & set(tables):
            derived_again(connection, module)


def derived_again(connection: duckdb.DuckDBPyConnection, module: str) -> None:
    """Make the tables of a module of ``derive`` again, at the prices of the past."""
    newest = connection.execute(f"select max(day) from {DAILY}").fetchall()[0][0]
    if newest is None:
        return
    for table in DERIVATIONS[module]:
        connection.execute(f"drop view if exists {table}")
    importlib.import_module(f"pipelines.derive.{module}").derive(connection, newest)


# Table of a history: the file of sql/past that gives its rows.
HISTORIES = {
    table: (file, f"core.{entity.view}")
    for entity in history.ENTITIES
    for table, file in (
        (f"core.{entity.view}", "believed"),
        (entity.open, "standing"),
        (entity.closed, "ended"),
    )
} | {REFERENCE: ("reference_document", REFERENCE)}
# The clock of the past moment, and the days that are derived again.
MOMENT = {"staged.build_clock": "build_clock", "staged.affected_day": "affected_day"}


def rows_then(file: str, past: Past, **names: str) -> str:
    """Return the select of ``warehouse/sql/past/<file>.sql`` for a past moment."""
    text = (SQL_FOLDER / "past" / f"{file}.sql").read_text(encoding="utf-8")
    return text.format(start=past.start, end=past.end, known=past.known_until, **names)

"""Making every table of the build after the load, in order, with comments and lineage.

SQL models run from ``warehouse/sql``; tables that Python makes come from the modules that
``registry`` lists. Loading captures belongs to ``load``, looking for wrong rows to ``check``.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, cast

import duckdb
import pyarrow as pa

from pipelines.derive.made import Traces, Watched, engine_hash, reads_of, sql_hash
from pipelines.derive.registry import DERIVATIONS, MADE_WHILE_LOADING, derived_tables
from warehouse import history
from warehouse.database import open_build
from warehouse.lineage import column_lineage
from warehouse.macros import run_formulas, run_macros
from warehouse.meaning import hash_of
from warehouse.models import (
    SQL_FOLDER,
    TableModel,
    comment,
    models_hash,
    row_count,
    run_models,
    table_exists,
    tables_there,
)
from warehouse.paths import Home
from warehouse.reports import Report, read_reports
from warehouse.rows import dicts

ROWS_LOOKED_AT = 5
HISTORIES = {f"core.{entity.view}": entity for entity in history.ENTITIES}


@dataclass(frozen=True)
class Phases:
    """The models in the order in which they are made."""

    loaded: tuple[TableModel, ...]  # made by the load
    before: tuple[TableModel, ...]  # SQL that reads no table of the cost engine
    made: tuple[TableModel, ...]  # made by the modules of ``DERIVATIONS``
    after: tuple[TableModel, ...]  # SQL that reads tables of the cost engine

    @property
    def all(self) -> tuple[TableModel, ...]:
        """Return every model, in order."""
        return self.loaded + self.before + self.made + self.after


def phases(models: dict[str, TableModel]) -> Phases:
    """Sort the models into phases by what they read.

    Parameters
    ----------
    models : dict
        Models by name, each after the models that it reads (``warehouse.models.read_models``).
    """
    made = derived_tables()
    after: set[str] = set()
    for model in models.values():
        if model.select is not None and model.depends_on & (made | after):
            after.add(model.name)
    loaded = {m.name for m in models.values() if m.select is None and m.name not in made}
    loaded.update(MADE_WHILE_LOADING)

    def those(names: Iterable[str]) -> tuple[TableModel, ...]:
        wanted = set(names)
        return tuple(model for model in models.values() if model.name in wanted)

    return Phases(
        loaded=those(loaded),
        before=those(models.keys() - loaded - made - after),
        made=those(made),
        after=those(after),
    )


@dataclass(frozen=True)
class Look:
    """What a table looks like: the SQL type of each column, and some rows of a table."""

    types: dict[str, str]
    rows: list[dict[str, Any]]


@dataclass(frozen=True)
class Outcome:
    """A table that a build has looked at."""

    model: TableModel
    rows: int | None  # None for a view (see ``warehouse.models.row_count``)
    look: Look | None  # None where it was current
    days: dict[date, int] = field(default_factory=dict)  # made of a table by day: its rows

    @property
    def is_made(self) -> bool:
        """Return whether it was made; false where it was current."""
        return self.look is not None


class NotMadeError(ValueError):
    """A table is wanted before the tables that it reads."""


def make(
    home: Home,
    order: Phases,
    say: Callable[[str], None] = lambda _: None,
    wanted: Collection[str] | None = None,
    days: tuple[date, date] | None = None,
) -> Iterator[Outcome]:
    """Make the tables after the load that are not current, and yield each that was looked at.

    A table is made again where what makes it or a table that it reads changed (``made``). Without a
    daily price yet, the cost engine makes its tables for the day of the build: what needs a price
    has no rows.

    Parameters
    ----------
    home : Home
        The data folder.
    order : Phases
        What to make, see ``phases``.
    say : callable
        Receives lines of progress.
    wanted : collection of str, optional
        Make these tables in any case, and those that depend on them where they are not current.
        Default: all that are not current.
    days : tuple of date, optional
        Derive the days from the first to the last again that have an answer, in tables that are
        made by day.

    Raises
    ------
    NotMadeError
        If a wanted table reads one that is not made yet.
    """
    with open_build(home) as connection:
        run_formulas(connection)  # they read no table, and the models use them
        if days and table_exists(connection, "core.offer_capture"):
            again = (SQL_FOLDER / "days_again.sql").read_text(encoding="utf-8")
            connection.execute(again, days)
        maker = Maker(connection, wanted, say)
        if wanted is None:
            for model, rows in described_and_counted(connection, order.loaded):
                yield Outcome(model, rows, look(connection, model))
        for model in order.before:
            yield from maker.by_sql(model)
        yield from maker.by_cost_engine(order.made)
        run_macros(connection)  # they read the tables made so far, and the views below use them
        for model in order.after:  # left out where the cost engine has not made what they read
            if all(table_exists(connection, name) for name in model.depends_on):
                yield from maker.by_sql(model)
        connection.execute((SQL_FOLDER / "meta_views.sql").read_text(encoding="utf-8"))
        describe(connection, order)


class Maker:
    """Makes tables of a build, one after the other."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        wanted: Collection[str] | None,
        say: Callable[[str], None],
    ) -> None:
        self.connection = connection
        self.traces = Traces(connection)
        self.wanted = wanted
        self.say = say
        self.reached: set[str] = set()  # what is wanted, and what depends on it

    def by_sql(self, model: TableModel) -> Iterator[Outcome]:
        """Make a table from its select."""
        reads = reads_of(str(model.select)) | model.depends_on
        if not self._concerns([model], reads):
            return
        definition = sql_hash(model)
        if self._is_current([model], definition):
            yield Outcome(model, row_count(self.connection, model), None)
            return
        self._refuse_missing(model)
        self.traces.begin([model])
        [(_, rows)] = made_by_sql(self.connection, [model])
        self.traces.end(model, definition, reads)
        days = changed_days(self.connection, model) if model.is_by_day else {}
        yield Outcome(model, rows, look(self.connection, model), days)

    def by_cost_engine(self, models: Sequence[TableModel]) -> Iterator[Outcome]:
        """Make the tables that the modules of ``DERIVATIONS`` make."""
        known = {model.name: model for model in models}
        newest = self._newest_day()
        definition = hash_of((engine_hash(), str(newest)))
        for name, tables in DERIVATIONS.items():
            own = [known[table] for table in tables]
            reads = {read for table in tables for read in self.traces.inputs(table)}
            if not self._concerns(own, reads.union(*(model.depends_on for model in own))):
                continue
            is_made = not self._is_current(own, definition)
            if is_made:
                self.say(f"cost engine: {name}")
                self.traces.begin(own)
                watched = Watched(self.connection)
                module = importlib.import_module(f"pipelines.derive.{name}")
                module.derive(watched, newest)
                for model in own:
                    if table_exists(self.connection, model.name):
                        self.traces.end(model, definition, watched.reads - set(tables))
            for model, rows in described_and_counted(self.connection, own):
                yield Outcome(model, rows, look(self.connection, model) if is_made else None)

    def _newest_day(self) -> date:
        if not table_exists(self.connection, "marts.gpu_price_daily"):
            raise NotMadeError("nothing is built yet: run `truecost run`, or the job build, once")
        [(newest,)] = self.connection.execute(
            "select coalesce(max(day), (select cast(now_at as date) from staged.build_clock))"
            " from marts.gpu_price_daily"
        ).fetchall()
        return cast("date", newest)

    def _concerns(self, models: Sequence[TableModel], reads: Collection[str]) -> bool:
        """Return whether tables are wanted or depend on one that is."""
        names = {model.name for model in models}
        if self.wanted is None:
            return True
        if names & set(self.wanted) or self.reached & set(reads):
            self.reached |= names
            return True
        return False

    def _is_current(self, models: Sequence[TableModel], definition: str) -> bool:
        if self.wanted is not None and {model.name for model in models} & set(self.wanted):
            return False
        return all(self.traces.is_current(model, definition) for model in models)

    def _refuse_missing(self, model: TableModel) -> None:
        if self.wanted is None:
            return
        missing = [n for n in sorted(model.depends_on) if not table_exists(self.connection, n)]
        if missing:
            raise NotMadeError(
                f"{model.name} reads {missing[0]}, which is not made yet:"
                " run `truecost run`, or the job build, once"
            )


def changed_days(connection: duckdb.DuckDBPyConnection, model: TableModel) -> dict[date, int]:
    """Return the days that were made of a table by day, each with its rows."""
    found = connection.execute(
        f"select day, count(*) from {model.name} where day in (select day from"
        " staged.affected_day where entity = 'offer') group by day order by day"
    )
    return dict(found.fetchall())


def look(connection: duckdb.DuckDBPyConnection, model: TableModel) -> Look:
    """Return what a table looks like; of a view no rows, because each costs what all cost."""
    columns = connection.execute(f"describe {model.name}").fetchall()
    rows = []
    if model.kind != "view":
        rows = dicts(connection.table(model.name).limit(ROWS_LOOKED_AT))
    return Look({name: kind for name, kind, *_ in columns}, rows)


def made_by_sql(
    connection: duckdb.DuckDBPyConnection, models: Iterable[TableModel]
) -> list[tuple[TableModel, int | None]]:
    """Run SQL models in the order given, and return each with its row count."""
    done: list[tuple[TableModel, int | None]] = []
    run_models(connection, models, lambda *pair: done.append(pair))
    return done


def described_and_counted(
    connection: duckdb.DuckDBPyConnection, models: Iterable[TableModel]
) -> Iterator[tuple[TableModel, int | None]]:
    """Write the comments of tables that exist, and yield each with its row count."""
    there = tables_there(connection)
    for model in models:
        if model.name in there:
            comment(connection, model)
            entity = HISTORIES.get(model.name)
            yield (
                model,
                history.row_count(connection, entity) if entity else row_count(connection, model),
            )


def describe(connection: duckdb.DuckDBPyConnection, order: Phases) -> None:
    """Write comments, ``meta.column`` and ``meta.lineage``, if the SQL files changed.

    A table that is current has its comments written here: words alone make no table again.
    """
    version = models_hash()
    there = tables_there(connection)
    if "meta.lineage" in there:
        known = connection.execute("select distinct models_hash from meta.lineage").fetchall()
        if known == [(version,)]:
            return
    for model in order.all:
        if model.name in there:
            comment(connection, model)
    makers = {model.name: model.made_by for model in order.all}
    documents: list[TableModel | Report] = [*order.all, *read_reports().values()]
    columns = pa.Table.from_pylist(
        [
            {
                "table_name": document.name,
                "column_name": column.name,
                "meaning": column.meaning,
                "unit": column.unit,
                "grain": document.grain,
                "made_by": makers.get(document.name)
                or f"warehouse/sql/{document.name.replace('.', '/')}.sql",
            }
            for document in documents
            for column in document.columns
        ]
    )
    edges = pa.Table.from_pylist(
        [
            {
                "table_name": table,
                "column_name": column or None,
                "from_table": from_table,
                "from_column": from_column or None,
                "models_hash": version,
            }
            for table, column, from_table, from_column in column_lineage()
        ]
    )
    for name, rows in (("meta.column", columns), ("meta.lineage", edges)):
        connection.register("described", rows)
        connection.execute(f"create or replace table {name} as from described")
        connection.unregister("described")

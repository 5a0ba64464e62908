"""The published file as it was at a past moment, with only what was known by a moment.

What was believed then stands in the history itself. Every SQL model that reads it is made again by
the warehouse's own file; what the cost engine makes of prices is made again on demand. Reference
data (specifications, aliases, assumptions) and what depends on no price are those of today.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

import duckdb

from warehouse import history
from warehouse.models import SQL_FOLDER, quote, read_models, run_macros

FOREVER = datetime.combine(date(9999, 12, 31), time.min)
COSTING = "pipelines/costing/"  # who makes tables of prices, see Model.made_by
DAILY = "marts.gpu_price_daily"
KEPT = ("staged.scope_latest", "marts.offers_latest", DAILY)  # read often; the rest are views
# Made while a build loads, and read by nobody after it.
LOADED = ("staged.exchange_rate", "staged.gpu_identity", "staged.normalised_offer")


@dataclass(frozen=True)
class Past:
    """A past moment, and the moment up to which things were known.

    Parameters
    ----------
    as_of : date or datetime
        When the prices stood; a date stands for its end. [UTC, without a zone]
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
    path = now.execute(
        "select path from duckdb_databases() where database_name = current_database()"
    ).fetchall()[0][0]
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(f"attach {quote(path)} as present (read_only)")
        cover(connection, past)
        yield connection


def cover(connection: duckdb.DuckDBPyConnection, past: Past) -> None:
    """Make a view over every table of ``present``, and every model of prices again."""
    columns: dict[str, list[str]] = {}
    for table, column in connection.execute(
        "select schema_name || '.' || table_name, column_name from duckdb_columns()"
        " where database_name = 'present' and not internal"
    ).fetchall():
        columns.setdefault(table, []).append(column)
    again = {
        name: model
        for name, model in read_models().items()
        if {name, *model.depends_on} <= columns.keys()
        and model.select
        and model.kind != "append"
        and name not in LOADED
    }
    for schema in {table.split(".")[0] for table in columns}:
        connection.execute(f"create schema if not exists {schema}")
    for table in columns.keys() - again.keys() - HISTORIES.keys() - MOMENT.keys():
        rows = f"select * from present.{table}{hidden(table, columns[table], past)}"
        connection.execute(f"create view {table} as {rows}")
    for table in HISTORIES.keys() & columns.keys():
        rows = HISTORIES[table].format(end=past.end, known=past.known_until)
        connection.execute(f"create view {table} as {rows}")
    for table, rows in MOMENT.items():
        known = rows.format(end=past.end, known=past.known_until)
        connection.execute(f"create table {table} as {known}")
    for name, model in again.items():
        kind = "table" if name in KEPT else "view"
        unmoved = UNMOVED if model.kind == "incremental" else ""
        rows = unmoved.format(table=name)
        connection.execute(f"create {kind} {name} as {model.select}{rows}")
        if name == DAILY:
            run_macros(connection)  # they read it, and views over it read them
    connection.execute((SQL_FOLDER / "meta_views.sql").read_text(encoding="utf-8"))


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
    stood = {"day", "valid_at", "on"} if table.startswith(("core.", "marts.")) else {"valid_at"}
    known = {"recorded_at", "captured_at", "started_at", "decided_at"}
    conditions = [
        f"\"{column}\" < timestamp '{end}'"
        for names, end in ((stood, past.end), (known, past.known_until))
        for column in columns
        if column in names
    ]
    return " where " + " and ".join(conditions) if conditions else ""


def derive_costs(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the tables again that the cost engine makes of prices.

    Parameters
    ----------
    connection : DuckDBPyConnection
        A past, see ``open_past``.
    """
    from pipelines.costing import inference, training

    newest = connection.execute(f"select max(day) from {DAILY}").fetchall()[0][0]
    if newest is None:
        return
    for name, model in read_models().items():
        if model.made_by and model.made_by.startswith(COSTING) and DAILY in model.depends_on:
            connection.execute(f"drop view if exists {name}")
    training.derive(connection, newest)
    inference.derive_trend(connection, newest)


# What is added to the affected days of an incremental table: the days that nothing moved since.
UNMOVED = (
    " union all by name select * from present.{table}"
    " where day < (select min(day) from staged.affected_day)"
)
BELIEVED = """
select * replace (cast(null as timestamp) as superseded_at) from present.{history}
where recorded_at < timestamp '{{known}}' and valid_from < timestamp '{{end}}'
    and (superseded_at is null or superseded_at >= timestamp '{{known}}')
"""
STANDING = BELIEVED + " and (valid_to is null or valid_to >= timestamp '{{end}}')"
ENDED = BELIEVED + " and valid_to < timestamp '{{end}}'"
HISTORIES = {
    table: rows.format(history=f"core.{entity.view}")
    for entity in (history.OFFER, history.API_PRICE)
    for table, rows in (
        (f"core.{entity.view}", BELIEVED),
        (entity.open, STANDING),
        (entity.closed, ENDED),
    )
}
# The clock is that of the last thing that happened; the days are those that need another look:
# the last one, and all since the earliest answer that was heard of later.
MOMENT = {
    "staged.build_clock": """
with happened as (
    select started_at as moment, run_id from present.meta.run
    where started_at < least(timestamp '{end}', timestamp '{known}')
    union all
    select valid_at, null from present.core.offer_capture
    where valid_at < timestamp '{end}' and recorded_at < timestamp '{known}'
)
select max(moment) as now_at, arg_max(run_id, moment) as run_id from happened
""",
    "staged.affected_day": """
with heard as (
    select
        cast(least(
            max(valid_at) filter (recorded_at < timestamp '{known}'),
            timestamp '{end}' - interval 1 microsecond
        ) as date) as last_day,
        cast(min(valid_at) filter (recorded_at >= timestamp '{known}') as date) as unheard_day
    from present.core.offer_capture
)
select 'offer' as entity,
    cast(unnest(generate_series(
        least(last_day, unheard_day), last_day, interval 1 day
    )) as date) as day
from heard
""",
}

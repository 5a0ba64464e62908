"""The published file as it would have been on a past day, with only what was known on a day.

Prices are made again, by the warehouse's own SQL files, from the intervals that stood and were
believed then. Tables that Python makes cannot be made again here: of those only the days up to the
past day are shown, and the pages say so.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import duckdb

from warehouse.models import read_models

# The tables that are made again, in this order.
MADE_AGAIN = ("marts.offers_latest", "staged.provider_price_day", "marts.gpu_price_daily")


@dataclass(frozen=True)
class Past:
    """A past day, and the day up to whose end things were known.

    Parameters
    ----------
    as_of : date
        The day whose prices are shown.
    known_on : date
        The last day on which what is shown could have been known.
    """

    as_of: date
    known_on: date

    @property
    def end(self) -> datetime:
        """The first instant after the day. [UTC]."""
        return datetime.combine(self.as_of + timedelta(days=1), datetime.min.time())

    @property
    def known_until(self) -> datetime:
        """The first instant after the day of knowledge. [UTC]."""
        return datetime.combine(self.known_on + timedelta(days=1), datetime.min.time())


@contextmanager
def open_past(now: duckdb.DuckDBPyConnection, past: Past) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the same file behind views that hide what came later.

    Parameters
    ----------
    now : duckdb.DuckDBPyConnection
        The published file.
    past : Past
        What is to be seen of it.
    """
    path = now.execute(
        "select path from duckdb_databases() where database_name = current_database()"
    ).fetchall()[0][0]
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(f"attach {quoted(path)} as present (read_only)")
        cover(connection, past)
        yield connection


def cover(connection: duckdb.DuckDBPyConnection, past: Past) -> None:
    """Make a view over every table, and make the prices of the day again."""
    tables = connection.execute(
        "select schema_name, name, list(column_name) from ("
        " select schema_name, table_name as name, column_name from duckdb_columns()"
        " where database_name = 'present' and not internal) group by all"
    ).fetchall()
    here = {f"{schema}.{name}" for schema, name, _ in tables}
    for schema in sorted({schema for schema, _, _ in tables}):
        connection.execute(f"create schema if not exists {schema}")
    for schema, name, columns in tables:
        condition = hidden(f"{schema}.{name}", columns, past)
        connection.execute(
            f'create view {schema}."{name}" as select * from present.{schema}."{name}"{condition}'
        )
    if not {"core.offer_price", "meta.capture", "staged.scope_latest"} <= here:
        return
    connection.execute(INPUTS.format(end=past.end, known=past.known_until))
    models = read_models()
    for name in MADE_AGAIN:
        select = models[name].select
        if select is not None:
            kind = "view" if models[name].kind == "view" else "table"
            connection.execute(f"drop view if exists {name}")
            connection.execute(f"create {kind} {name} as {select}")


def hidden(table: str, columns: list[str], past: Past) -> str:
    """Return the condition under which a row of a table was there on the day.

    Examples
    --------
    >>> hidden("marts.api_price", ["day", "usd"], Past(date(2026, 8, 1), date(2026, 8, 2)))
    " where day <= date '2026-08-01'"
    """
    if table.startswith("marts.") and "day" in columns:
        return f" where day <= date '{past.as_of}'"
    if table.startswith("meta."):
        for column in ("recorded_at", "captured_at", "tried_at"):
            if column in columns:
                return f" where {column} < timestamp '{past.known_until}'"
    return ""


def quoted(text: str) -> str:
    """Return a text as a SQL literal."""
    return "'" + text.replace("'", "''") + "'"


# What the SQL files read, as it stood at the end of the day and was known then.
INPUTS = """
drop view staged.build_clock;
create table staged.build_clock as
select timestamp '{end}' - interval 1 second as now_at, 'as of a past day' as run_id;

drop view core.offer_price;
create view core.offer_price as
select * exclude (valid_to, superseded_at),
    case when valid_to < timestamp '{known}' then valid_to end as valid_to,
    cast(null as timestamp) as superseded_at
from present.core.offer_price
where recorded_at < timestamp '{known}' and valid_from < timestamp '{end}'
    and (superseded_at is null or superseded_at >= timestamp '{known}');

drop view if exists core.offer_open;
create view core.offer_open as
select * from core.offer_price
where valid_to is null or valid_to >= timestamp '{end}';

drop view staged.scope_latest;
create table staged.scope_latest as
select s.* replace (
    coalesce(c.last_good_at, s.last_good_at) as last_good_at)
from present.staged.scope_latest as s
inner join (
    select source_id, request_key, max(valid_at) as last_good_at
    from present.meta.capture
    where status in ('ok', 'unchanged', 'partial')
        and valid_at < timestamp '{end}' and recorded_at < timestamp '{known}'
    group by source_id, request_key
) as c using (source_id, request_key);

drop view if exists staged.affected_day;
create table staged.affected_day as
select distinct 'offer' as entity, day from present.marts.gpu_price_daily
where day < timestamp '{end}';
"""

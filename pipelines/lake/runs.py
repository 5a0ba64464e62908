"""What one machine built, in a lake: pushing a published run, and pulling a run into a file.

A build stays a build of one file, with the same SQL and the same checks. A run is one snapshot of
the lake: the schemas of the published file, of which only the parts that changed are written.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow as pa

from pipelines.lake.captures import CAPTURED
from pipelines.lake.connection import (
    Address,
    LakeError,
    columns_of,
    first_line,
    machine_name,
    opened,
    run_at_once,
)
from warehouse import publication
from warehouse.database import POINTER, NothingPublishedError, published_files
from warehouse.macros import read_macros
from warehouse.migrations import SCHEMAS
from warehouse.models import models_hash, table_exists
from warehouse.paths import Home
from warehouse.rows import literal

PUSH_TABLE = "meta.lake_push"
PART_TABLE = "meta.lake_part"


@dataclass(frozen=True)
class PushReport:
    """What a push did."""

    run_id: str
    snapshot: int
    parts: int  # parts of tables in the file
    parts_written: int  # of these, those that the lake did not have
    rows_appended: int
    rows_replaced: int


def push(home: Home, address: Address, *, take_over: bool = False) -> PushReport:
    """Make the lake equal to the newest published run, in one snapshot.

    Tables are compared in parts (a month of a table of days or of history, else the table), by the
    fingerprint that the lake keeps of each: a day writes the month that it touches. A part that
    only grew is appended to. Pushing the same run again does nothing.

    Parameters
    ----------
    home : Home
        The data folder of the builder.
    address : Address
        The lake.
    take_over : bool
        Whether to replace another data folder as the builder of the lake.

    Raises
    ------
    LakeError
        If another machine builds this lake, or two builders push at the same time.
    NothingPublishedError
        If nothing is published in this data folder.
    """
    path = (home.published / POINTER).resolve()
    if not path.exists():
        raise NothingPublishedError(f"nothing is published in {home.published}; truecost run")
    run_id = path.name.removeprefix("truecost-").removesuffix(".duckdb")
    with opened(address) as lake:
        lake.execute(f"attach {literal(str(path))} as here (read_only)")
        for statement in (
            "create schema if not exists meta",
            f"create table if not exists {PUSH_TABLE} (run_id varchar, builder varchar,"
            " pushed_at timestamp, models_hash varchar, code_schema_version integer)",
            f"create table if not exists {PART_TABLE} (table_name varchar, part varchar,"
            " row_count bigint, fingerprint varchar)",
        ):
            run_at_once(lake, statement)
        last = last_push(lake)
        if last and last[1] != machine_name(home) and not take_over:
            raise LakeError(
                f"{last[1]} builds this lake; to build it here from now on:"
                " truecost lake pull, then truecost lake push --take-over"
            )
        parts, known = _parts(lake), _known_parts(lake)
        changed = {key for key, value in parts.items() if known.get(key) != value}
        gone = known.keys() - parts.keys()
        if last and last[0] == run_id and not changed and not gone:
            return PushReport(run_id, _snapshot(lake), len(parts), 0, 0, 0)
        lake.begin()
        try:
            made = _make_tables(lake)
            changed |= {key for key in parts if key[0] in made}
            written = [_write_part(lake, *key) for key in sorted(changed) if key[0] not in made]
            written += [(_append_table(lake, table), 0) for table in sorted(made)]
            for table, part in sorted(gone):
                if table not in made:
                    _delete_part(lake, table, part)
            _note_parts(lake, parts, changed | gone)
            _make_views(lake)
            lake.execute(
                f"insert into {PUSH_TABLE} values (?, ?, current_timestamp::timestamp, ?,"
                " (select max(version) from here.meta.schema_version))",
                [run_id, machine_name(home), models_hash()],
            )
            lake.execute(
                "call lake.set_commit_message(?, ?)", [machine_name(home), f"run {run_id}"]
            )
            lake.commit()
        except duckdb.Error as error:
            lake.rollback()
            raise LakeError(f"the lake is unchanged: {first_line(error)}") from error
        return PushReport(
            run_id,
            _snapshot(lake),
            len(parts),
            len(changed),
            sum(appended for appended, _ in written),
            sum(replaced for _, replaced in written),
        )


def last_push(lake: duckdb.DuckDBPyConnection) -> tuple[str, str, datetime] | None:
    """Return (run, builder, time) of the newest push, or None before the first."""
    if not table_exists(lake, PUSH_TABLE, "lake"):
        return None
    rows = lake.execute(
        f"select run_id, builder, pushed_at from {PUSH_TABLE} order by pushed_at desc limit 1"
    ).fetchall()
    return rows[0] if rows else None


def _snapshot(lake: duckdb.DuckDBPyConnection) -> int:
    return int(lake.execute("select max(snapshot_id) from lake.snapshots()").fetchall()[0][0])


def _tables(
    connection: duckdb.DuckDBPyConnection, database: str
) -> dict[str, list[tuple[str, str]]]:
    """Return the columns (name, type) of every table of a database, by schema.table."""
    tables: dict[str, list[tuple[str, str]]] = {}
    rows = connection.execute(
        "select schema_name || '.' || table_name, column_name, data_type from duckdb_columns()"
        " where database_name = $1 and (schema_name, table_name) in"
        " (select (schema_name, table_name) from duckdb_tables() where database_name = $1)"
        " order by 1, column_index",
        [database],
    ).fetchall()
    for table, column, sql_type in rows:
        tables.setdefault(table, []).append((column, sql_type))
    return tables


def _month_of(table: str, columns: Iterable[str]) -> str | None:
    """Return the instant by whose month a table is cut, or None where it is one part."""
    names = set(columns)
    if table.endswith("_open"):  # the current market: rows of every age come and go
        return None
    if "superseded_at" in names:
        return "coalesce(superseded_at, recorded_at)"
    return next((name for name in ("day", "recorded_at") if name in names), None)


def _parts(lake: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], tuple[int, str]]:
    """Return rows and fingerprint of every part of the file, by (table, part)."""
    parts: dict[tuple[str, str], tuple[int, str]] = {}
    for table, columns in _tables(lake, "here").items():
        names = ", ".join(f'"{name}"' for name, _ in columns)
        instant = _month_of(table, (name for name, _ in columns))
        part = f"coalesce(strftime({instant}, '%Y-%m'), 'all')" if instant else "'all'"
        for value, rows, fingerprint in lake.execute(
            f"select {part} as part, count(*), sum(hash({names}))::varchar"
            f" from here.{table} group by part"
        ).fetchall():
            parts[table, value] = (rows, fingerprint)
        if not any(key[0] == table for key in parts):
            parts[table, "all"] = (0, "")
    return parts


def _known_parts(lake: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], tuple[int, str]]:
    rows = lake.execute(f"select table_name, part, row_count, fingerprint from {PART_TABLE}")
    return {(table, part): (count, print_) for table, part, count, print_ in rows.fetchall()}


def _note_parts(
    lake: duckdb.DuckDBPyConnection,
    parts: Mapping[tuple[str, str], tuple[int, str]],
    changed: Iterable[tuple[str, str]],
) -> None:
    changed = sorted(changed)
    if not changed:
        return
    rows = [key + parts.get(key, (None, None)) for key in changed]
    names = ("table_name", "part", "row_count", "fingerprint")
    lake.register(
        "changed_part",
        pa.table({n: list(c) for n, c in zip(names, zip(*rows, strict=True), strict=True)}),
    )
    lake.execute(
        f"delete from {PART_TABLE} where (table_name, part) in"
        " (select (table_name, part) from changed_part)"
    )
    lake.execute(f"insert into {PART_TABLE} from changed_part where fingerprint is not null")
    lake.unregister("changed_part")


def _make_tables(lake: duckdb.DuckDBPyConnection) -> set[str]:
    """Create the tables that the lake lacks or has with other columns; return their names."""
    here, there = _tables(lake, "here"), _tables(lake, "lake")
    own = {PUSH_TABLE, PART_TABLE}
    for table in there.keys() - here.keys() - own:
        if table.split(".")[0] not in CAPTURED:
            lake.execute(f"drop table lake.{table}")
    made = {table for table, columns in here.items() if there.get(table) != columns}
    for schema in sorted({table.split(".")[0] for table in here}):
        lake.execute(f"create schema if not exists lake.{schema}")
    for table in sorted(made):
        lake.execute(f"create or replace table lake.{table} as from here.{table} limit 0")
        _copy_comments(lake, "here", "lake", table)
    return made


def _copy_comments(
    connection: duckdb.DuckDBPyConnection, source: str, target: str, table: str
) -> None:
    schema, name = table.split(".")
    for text, column in connection.execute(
        "select comment, null from duckdb_tables() where database_name = $1 and schema_name = $2"
        " and table_name = $3 and comment is not null union all"
        " select comment, column_name from duckdb_columns() where database_name = $1"
        " and schema_name = $2 and table_name = $3 and comment is not null",
        [source, schema, name],
    ).fetchall():
        subject = f'column {target}.{table}."{column}"' if column else f"table {target}.{table}"
        connection.execute(f"comment on {subject} is {literal(text)}")


def _within(table: str, part: str, lake: duckdb.DuckDBPyConnection) -> str:
    """Return the condition on the rows of a part."""
    instant = _month_of(table, (name for name, _ in columns_of(lake, f"lake.{table}")))
    if instant is None:
        return "true"
    if part == "all":
        return f"{instant} is null"
    return f"{instant} >= date '{part}-01' and {instant} < date '{part}-01' + interval 1 month"


def _delete_part(lake: duckdb.DuckDBPyConnection, table: str, part: str) -> None:
    lake.execute(f"delete from lake.{table} where {_within(table, part, lake)}")


def _append_table(lake: duckdb.DuckDBPyConnection, table: str) -> int:
    """Fill a table that has just been made."""
    order = _month_of(table, (name for name, _ in columns_of(lake, f"here.{table}")))
    ordered = f" order by {order}" if order else ""
    rows = lake.execute(f"insert into lake.{table} select * from here.{table}{ordered}").fetchall()
    return int(rows[0][0])


def _write_part(lake: duckdb.DuckDBPyConnection, table: str, part: str) -> tuple[int, int]:
    """Make a part of the lake equal to that of the file; return rows appended and replaced."""
    where = _within(table, part, lake)
    here = f"select * from here.{table} where {where}"
    there = f"select * from lake.{table} where {where}"
    gone = lake.execute(f"select 1 from ({there} except all {here}) limit 1").fetchall()
    if gone:
        _delete_part(lake, table, part)
        return 0, lake.execute(f"insert into lake.{table} {here}").fetchall()[0][0]
    come = f"{here} except all {there}"
    return lake.execute(f"insert into lake.{table} {come}").fetchall()[0][0], 0


def _make_views(connection: duckdb.DuckDBPyConnection, source: str = "here") -> None:
    """Make the views and macros of the attached file in the schemas in use.

    A view may read a macro and a macro a view: what cannot be made yet waits for the others.
    """
    target = connection.execute("select current_database()").fetchall()[0][0]
    views, existing = _views(connection, source), _views(connection, target)
    for schema in SCHEMAS:
        connection.execute(f"create schema if not exists {schema}")
    waiting = [
        f"create or replace view {name} as {text}"
        for name, text in views.items()
        if existing.get(name) != text
    ]
    for name in sorted(existing.keys() - views.keys()):
        connection.execute(f"drop view {name}")
    made = connection.execute(
        "select function_name from duckdb_functions() where database_name = ? and not internal",
        [source],
    ).fetchall()
    waiting += [macro.statement for macro in read_macros() if (macro.name,) in made]
    while waiting:
        late = []
        for text in waiting:
            try:
                connection.execute(text)
            except duckdb.CatalogException as error:
                late.append(text)
                reason = error
        if len(late) == len(waiting):
            raise reason
        waiting = late


def _views(connection: duckdb.DuckDBPyConnection, database: str) -> dict[str, str]:
    """Return the select of every view of a database, by schema.view."""
    return {
        f"{schema}.{name}": _body(text)
        for schema, name, text in connection.execute(
            "select schema_name, view_name, sql from duckdb_views()"
            " where database_name = ? and not internal",
            [database],
        ).fetchall()
    }


def _body(create: str) -> str:
    """Return the select of ``create view``.

    Examples
    --------
    >>> _body("CREATE VIEW core.v AS SELECT 1 AS one;")
    'SELECT 1 AS one'
    """
    return re.sub(
        r"^create view .*? as (?=select|with|from|\()", "", create, count=1, flags=re.I | re.S
    ).rstrip(";\n ")


def pull(home: Home, address: Address, *, at: int | datetime | None = None) -> Path:
    """Write the build file of an empty data folder from the lake, and publish it.

    Use it to return to one file, or to start on a new builder; ``fetch`` brings the captures. The
    run keeps its name.

    Raises
    ------
    LakeError
        If the data folder has a build file already, or the lake holds no run.
    """
    if home.build_database.exists() or published_files(home):
        raise LakeError(f"{home.root} holds a warehouse already; set TRUECOST_HOME to a new folder")
    home.root.mkdir(parents=True, exist_ok=True)
    unfinished = home.build_database.with_name(home.build_database.name + ".tmp")
    unfinished.unlink(missing_ok=True)
    with opened(address, is_read_only=True, at=at) as lake:
        last = last_push(lake)
        if last is None:
            raise LakeError(f"{address.printed} holds no run yet; truecost lake push")
        lake.execute(f"attach {literal(str(unfinished))} as file")
        for table, _ in _tables(lake, "lake").items():
            schema = table.split(".")[0]
            if schema in CAPTURED or table in (PUSH_TABLE, PART_TABLE):
                continue
            lake.execute(f"create schema if not exists file.{schema}")
            order = _month_of(table, (name for name, _ in columns_of(lake, f"lake.{table}")))
            lake.execute(
                f"create table file.{table} as from lake.{table}"
                + (f" order by {order}" if order else "")
            )
            _copy_comments(lake, "lake", "file", table)
        lake.execute("use file")
        _make_views(lake, "lake")
        lake.execute("use lake")
        lake.execute("detach file")
    unfinished.rename(home.build_database)
    return publication.publish(home, last[0])

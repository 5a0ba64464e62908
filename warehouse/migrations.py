"""The schemas of the build file, their version, and the steps from one version to the next.

Opening a file belongs to ``database``; what the tables hold to the files in ``sql``.
"""

from __future__ import annotations

from collections.abc import Iterable

import duckdb

from warehouse.models import table_exists

SCHEMA_VERSION = 8
SCHEMAS = ("staged", "core", "marts", "focus", "meta")

# The numbered migrations: version -> the SQL that leads to it. Constant defaults only, and never
# in the transaction of a load (DuckDB 1.5 could not replay some other DDL after a kill).
MIGRATIONS: dict[int, str] = {
    2: "alter table if exists meta.quarantine_audit add column if not exists known_at timestamp",
    # The next load reads the reference data again, and with it the breaks for that column.
    3: "alter table if exists marts.gpu_price_daily add column if not exists method_break varchar;"
    "drop table if exists core.method_break; drop table if exists meta.reference_version",
    4: "",  # only RENAMED_COLUMNS
    5: "",  # only RENAMED_COLUMNS
    6: "".join(
        f"alter table if exists meta.capture add column if not exists {column};"
        for column in (
            "rows_read bigint",
            "rows_kept bigint",
            "rows_held bigint",
            "rows_out_of_scope bigint",
            "row_reasons varchar",
        )
    ),
    # The next load writes them.
    7: "alter table if exists staged.build_clock add column if not exists prices_at timestamp;"
    "alter table if exists staged.build_clock add column if not exists is_bundled boolean",
    8: "alter table if exists marts.gpu_price_index_revision"
    " add column if not exists reference_region varchar;"
    "drop table if exists marts.gpu_price_daily",
}
# Columns of tables that outlive a build: version -> (table, name before, name from then on). A
# rename is no "if exists" of SQL, so that a step that was killed half way looks first.
RENAMED_COLUMNS: dict[int, tuple[tuple[str, str, str], ...]] = {
    4: (
        ("meta.capture", "valid_at", "seen_at"),
        ("meta.quarantine", "captured_at", "seen_at"),
        ("meta.quarantine_audit", "known_at", "recorded_at"),
        ("staged.table_row", "captured_at", "seen_at"),
        ("core.series_point", "captured_at", "seen_at"),
        ("core.offer_capture", "valid_at", "seen_at"),
        ("core.api_price_capture", "valid_at", "seen_at"),
        ("staged.offer_observation", "valid_at", "seen_at"),
        ("staged.normalised_offer", "valid_at", "seen_at"),
    ),
    5: tuple(
        (table, f"rows_{name}", f"offers_{name}")
        for table in ("meta.capture", "meta.run")
        for name in ("kept", "held", "duplicate")
    ),
}

# Versions whose rules make other values of every day: the next build derives them again.
DERIVED_AGAIN = {8}


def begin(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the schemas of an empty file, and note the version."""
    for schema in SCHEMAS:
        connection.execute(f"create schema if not exists {schema}")
    connection.execute(
        "create table meta.schema_version as"
        f" select {SCHEMA_VERSION} as version, current_timestamp::timestamp as installed_at"
    )
    connection.execute("checkpoint")


def migrate(connection: duckdb.DuckDBPyConnection, version: int) -> None:
    """Take a file from a version to the newest. A step that was killed is repeated."""
    for step in range(version + 1, SCHEMA_VERSION + 1):
        if MIGRATIONS[step]:
            connection.execute(MIGRATIONS[step])
        _rename_columns(connection, RENAMED_COLUMNS.get(step, ()))
        if step in DERIVED_AGAIN:
            _derive_every_day_again(connection)
        connection.execute(
            "insert into meta.schema_version values (?, current_timestamp::timestamp)", [step]
        )
        connection.execute("checkpoint")


def schema_version(connection: duckdb.DuckDBPyConnection) -> int | None:
    """Return the schema version of the open file, or None where it has none yet."""
    known = connection.execute(
        "select 1 from duckdb_tables() where schema_name = 'meta' and table_name = 'schema_version'"
        " and database_name = current_database()"
    ).fetchone()
    if known is None:
        return None
    row = connection.execute("select max(version) from meta.schema_version").fetchone()
    return row[0] if row else None


def _derive_every_day_again(connection: duckdb.DuckDBPyConnection) -> None:
    """Note every day with an answer for the next build, where there is a history yet."""
    tables = ("core.offer_capture", "staged.affected_day")
    if all(table_exists(connection, table) for table in tables):
        connection.execute(
            "insert into staged.affected_day select distinct 'offer', cast(seen_at as date)"
            " from core.offer_capture"
        )


def _rename_columns(
    connection: duckdb.DuckDBPyConnection, renames: Iterable[tuple[str, str, str]]
) -> None:
    for table, before, after in renames:
        there = connection.execute(
            "select list(column_name) from duckdb_columns() where"
            " schema_name || '.' || table_name = ? and database_name = current_database()",
            [table],
        ).fetchall()[0][0]
        if before in (there or ()) and after not in there:
            connection.execute(f"alter table {table} rename column {before} to {after}")

"""The warehouse on DuckLake: a catalogue in PostgreSQL, Parquet on a path or S3, many machines.

The same tables, the same SQL and the same merge as in the single file; only where they lie differs.
When to move, and what conflicts, stands in docs/scaling.md. Needs the extra ``lake``: DuckDB's
extensions from packages, of the very version of DuckDB.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Sequence
from pathlib import Path

import duckdb

from warehouse import history
from warehouse.database import SCHEMAS, DataFolderError
from warehouse.models import quote

EXTENSIONS = ("ducklake", "postgres_scanner", "httpfs")
CATALOG = "lake"
MOVED_SCHEMAS = ("core", "marts", "focus", "meta")


def open_lake(
    catalog: str,
    data_path: str,
    *,
    memory_limit: str = "2GiB",
    s3: dict[str, str] | None = None,
    snapshot: int | None = None,
) -> duckdb.DuckDBPyConnection:
    """Open a lake; ``core.offer_price`` and its like then mean the lake's tables.

    Parameters
    ----------
    catalog : str
        ``ducklake:postgres:host=... dbname=...``, or ``ducklake:PATH`` for one machine.
    data_path : str
        Folder or ``s3://bucket/prefix`` of the Parquet files.
    memory_limit : str
        DuckDB's limit.
    s3 : dict, optional
        Fields of a DuckDB S3 secret: ``key_id``, ``secret``, ``endpoint``, ``region`` ...
    snapshot : int, optional
        Open the lake, for reading, as it was at this snapshot.

    Raises
    ------
    DataFolderError
        If the extensions are not installed, or the catalogue cannot be reached.
    """
    if not catalog.startswith("ducklake:"):
        raise DataFolderError(
            f"catalogue {catalog!r} is none; give ducklake:postgres:host=... dbname=..."
        )
    needed = [
        name
        for name in EXTENSIONS
        if name == "ducklake"
        or (name == "postgres_scanner" and catalog.startswith("ducklake:postgres:"))
        or (name == "httpfs" and data_path.startswith("s3://"))
    ]
    connection = duckdb.connect(
        config={"memory_limit": memory_limit, "autoinstall_known_extensions": False}
    )
    for name in needed:
        connection.execute(f"load {quote(str(extension_file(name)))}")
    if s3:
        fields = ", ".join(f"{name} {quote(value)}" for name, value in s3.items())
        connection.execute(f"create secret lake_data (type s3, {fields})")
    at = f", snapshot_version {snapshot}" if snapshot is not None else ""
    try:
        connection.execute(
            f"attach {quote(catalog)} as {CATALOG} (data_path {quote(data_path)}{at})"
        )
    except duckdb.Error as error:
        message = f"cannot open the lake {catalog}: {str(error).splitlines()[0]}"
        raise DataFolderError(_without_password(message)) from None
    connection.execute(f"use {CATALOG}")
    connection.execute("set TimeZone = 'UTC'")
    if snapshot is None:
        for schema in SCHEMAS:
            connection.execute(f"create schema if not exists {schema}")
    return connection


def extension_file(name: str) -> Path:
    """Return the file of a DuckDB extension that came as a Python package.

    Raises
    ------
    DataFolderError
        If the package is not there, or is made for another version of DuckDB.
    """
    package = f"duckdb_extension_{name}"
    found = importlib.util.find_spec(package)
    folders = list(found.submodule_search_locations or []) if found else []
    if not folders:
        raise DataFolderError(f"no package {package}; install truecost[lake]")
    version = f"v{duckdb.__version__}"
    file = Path(folders[0]) / "extensions" / version / f"{name}.duckdb_extension"
    if not file.is_file():
        raise DataFolderError(
            f"{package} is not made for DuckDB {version}; install duckdb and it in one version"
        )
    return file


def move_in(connection: duckdb.DuckDBPyConnection, database: Path) -> dict[str, int]:
    """Copy the tables of a published or build file into an open lake, in one transaction.

    Returns the rows of each table. The views of the history are views again; other views become
    tables, for they may use macros, which a lake does not keep. What is there already is replaced.
    """
    histories = {f"core.{entity.view}": entity for entity in (history.OFFER, history.API_PRICE)}
    connection.execute(f"attach {quote(str(database))} as moved (read_only)")
    # What the views read is found where they were made.
    connection.execute("use moved")
    names = [
        name
        for (name,) in connection.execute(
            "select table_schema || '.' || table_name from information_schema.tables"
            " where table_catalog = 'moved' and list_contains($1, table_schema) order by all",
            [list(MOVED_SCHEMAS)],
        ).fetchall()
    ]
    rows = {}
    connection.begin()
    try:
        for name in names:
            if name in histories:
                continue
            connection.execute(f"create or replace table {CATALOG}.{name} as from moved.{name}")
            [(rows[name],)] = connection.execute(
                f"select count(*) from {CATALOG}.{name}"
            ).fetchall()
        for name in histories.keys() & set(names):
            entity = histories[name]
            columns = ", ".join(entity.columns)
            connection.execute(
                f"create or replace view {CATALOG}.{name} as"
                f" select {columns} from {CATALOG}.{entity.closed}"
                f" union all select {columns} from {CATALOG}.{entity.open}"
            )
        connection.commit()
    except BaseException:
        connection.rollback()
        raise
    finally:
        connection.execute(f"use {CATALOG}")
        connection.execute("detach moved")
    return rows


def move_out(connection: duckdb.DuckDBPyConnection, database: Path) -> dict[str, int]:
    """Copy the tables of an open lake into a new single file: the way back.

    Raises
    ------
    DataFolderError
        If the file is there already.
    """
    if database.exists():
        raise DataFolderError(f"{database} is there already")
    connection.execute(f"attach {quote(str(database))} as moved")
    try:
        tables = connection.execute(
            "select schema_name || '.' || table_name from duckdb_tables()"
            " where database_name = $1 and list_contains($2, schema_name) order by all",
            [CATALOG, list(MOVED_SCHEMAS)],
        ).fetchall()
        rows = {}
        for schema in MOVED_SCHEMAS:
            connection.execute(f"create schema if not exists moved.{schema}")
        for (name,) in tables:
            connection.execute(f"create table moved.{name} as from {CATALOG}.{name}")
            rows[name] = connection.execute(f"select count(*) from moved.{name}").fetchall()[0][0]
    finally:
        connection.execute("detach moved")
    return rows


def append_observations(
    connection: duckdb.DuckDBPyConnection, files: Sequence[Path], kind: str = "offer"
) -> None:
    """Append parsed rows; any number of machines may at once, for nothing is updated."""
    connection.execute("create schema if not exists observations")
    listed = "[" + ", ".join(quote(str(file)) for file in files) + "]"
    source = f"read_parquet({listed}, union_by_name = true)"
    connection.execute(f"create table if not exists observations.{kind} as from {source} limit 0")
    connection.execute(f"insert into observations.{kind} by name from {source}")


def compact(connection: duckdb.DuckDBPyConnection, keep_days: int = 14) -> None:
    """Join small files, and drop those that only snapshots older than ``keep_days`` need."""
    connection.execute(f"call ducklake_merge_adjacent_files({quote(CATALOG)})")
    connection.execute(
        f"call ducklake_expire_snapshots({quote(CATALOG)},"
        f" older_than => now() - interval {keep_days} day)"
    )
    connection.execute(f"call ducklake_cleanup_old_files({quote(CATALOG)}, cleanup_all => true)")


def _without_password(text: str) -> str:
    return re.sub(r"(password\s*=\s*)('[^']*'|[^\s\"']+)", r"\1...", text)

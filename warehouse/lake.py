"""The warehouse beyond one machine: a DuckLake that many machines write to and read from.

The lake is a catalogue (PostgreSQL; a DuckDB file for one machine alone) and Parquet on a path or
in S3. It holds what a data folder holds, as tables: what machines captured (``landing.file``,
``observations.*``; append-only, so machines never conflict) and what one of them built (the
schemas of the published file, one snapshot a run). ``share`` and ``fetch`` move captures between
data folders and the lake, ``push`` a published run into it, ``pull`` a run back into a file.

The build itself stays a build of one file: the same SQL, the same checks. DuckDB does the talking
to PostgreSQL and S3. When to use a lake is told in docs/scaling.md.
"""

from __future__ import annotations

import importlib.resources
import os
import platform
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from warehouse import publication
from warehouse.database import (
    POINTER,
    SCHEMAS,
    DataFolderError,
    NothingPublishedError,
    published_files,
)
from warehouse.models import SQL_FOLDER, models_hash, quote
from warehouse.paths import Home

CATALOG_VARIABLE = "TRUECOST_CATALOG"
DATA_PATH_VARIABLE = "TRUECOST_DATA_PATH"
EXTENSIONS = ("ducklake", "postgres_scanner", "httpfs")
CAPTURED = ("landing", "observations")  # the schemas that every machine appends to
RECORD = re.compile(r"\.([a-z_]+)\.parquet$")  # the kind of record, in the name of a file of rows
PUSH_TABLE = "meta.lake_push"
PART_TABLE = "meta.lake_part"
ATTEMPTS = 100  # commits of other machines that one commit may meet on its way
_SECRET = re.compile(r"(password\s*=\s*)('[^']*'|\S+)|(://[^:/@\s]+:)[^@\s]+(?=@)", re.IGNORECASE)


_MACRO = re.compile(r"create or replace macro (\w+)", re.IGNORECASE)


class LakeError(DataFolderError):
    """The lake cannot be used as asked; one line that says why and what helps."""


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where a lake is.

    Parameters
    ----------
    catalog : str
        ``ducklake:postgres:dbname=... host=...``, or ``ducklake:FILE`` for one machine.
    data_path : str, optional
        Folder or ``s3://bucket/prefix``; needed once, when the lake is made.

    Examples
    --------
    >>> Address(catalog="ducklake:postgres:dbname=lake password=secret").printed
    'ducklake:postgres:dbname=lake password=***'
    """

    catalog: str
    data_path: str | None = None

    def __post_init__(self) -> None:
        if not self.catalog.startswith("ducklake:"):
            raise LakeError(
                f"{without_secret(self.catalog)!r} is no catalogue; give"
                " ducklake:postgres:dbname=NAME host=HOST, or ducklake:FILE"
            )

    @classmethod
    def given(
        cls,
        catalog: str | None,
        data_path: str | None,
        environment: Mapping[str, str] = os.environ,
    ) -> Address | None:
        """Return the address that was given, else that of the environment, if there is one."""
        catalog = catalog or environment.get(CATALOG_VARIABLE)
        if not catalog:
            return None
        return cls(catalog=catalog, data_path=data_path or environment.get(DATA_PATH_VARIABLE))

    @property
    def extensions(self) -> list[str]:
        """The extensions that this lake may need: they take a while to load."""
        is_local = self.data_path is not None and "://" not in self.data_path
        needed = {
            "ducklake": True,
            "postgres_scanner": self.catalog.startswith("ducklake:postgres"),
            "httpfs": not is_local,  # where the data of a known lake lie, the catalogue tells
        }
        return [name for name in EXTENSIONS if needed[name]]

    @property
    def printed(self) -> str:
        """The catalogue as it may be shown."""
        return without_secret(self.catalog)


def without_secret(text: str) -> str:
    """Return a text with passwords blotted out."""
    return _SECRET.sub(lambda m: f"{m[1] or m[3]}***", text)


def load_extensions(
    connection: duckdb.DuckDBPyConnection, names: Iterable[str] = EXTENSIONS
) -> None:
    """Load extensions that the ``lake`` extra installs, from their packages.

    Raises
    ------
    LakeError
        If they are not installed, or for another version of DuckDB.
    """
    version = f"v{duckdb.__version__}"
    for name in names:
        try:
            package = importlib.resources.files(f"duckdb_extension_{name}")
        except ModuleNotFoundError as error:
            raise LakeError("a lake needs the extra `lake`: make lake") from error
        path = package / "extensions" / version / f"{name}.duckdb_extension"
        if not path.is_file():
            raise LakeError(f"{name} is not installed for DuckDB {version}: make lake")
        connection.execute(f"load {quote(str(path))}")


@contextmanager
def opened(
    address: Address,
    *,
    is_read_only: bool = False,
    at: int | datetime | None = None,
    memory_limit: str = "2GiB",
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Give a connection whose schemas are those of the lake.

    Parameters
    ----------
    address : Address
        The lake; it is made where it is not there yet, unless ``is_read_only``.
    is_read_only : bool
        Whether the connection may not write.
    at : int or datetime, optional
        The snapshot to read: its number, or the last one at an instant.
    memory_limit : str
        DuckDB's limit.

    Raises
    ------
    LakeError
        If the catalogue or the data cannot be reached, or there is no such lake or snapshot.
    """
    connection = duckdb.connect(
        config={
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "memory_limit": memory_limit,
        }
    )
    try:
        load_extensions(connection, address.extensions)
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(f"set ducklake_max_retry_count = {ATTEMPTS}")
        secret = s3_secret(os.environ)
        if secret and "httpfs" in address.extensions:
            connection.execute(secret)
        options = []
        if address.data_path:
            options.append(f"data_path {quote(address.data_path.rstrip('/') + '/')}")
        if is_read_only or at is not None:
            options.append("read_only")
        if isinstance(at, int):
            options.append(f"snapshot_version {at}")
        elif at is not None:
            options.append(f"snapshot_time '{at.isoformat(sep=' ')}'")
        attach = f"attach {quote(address.catalog)} as lake"
        _attach(connection, attach + (f" ({', '.join(options)})" if options else ""), address)
        connection.execute("use lake")
        yield connection
    finally:
        connection.close()


def _attach(connection: duckdb.DuckDBPyConnection, statement: str, address: Address) -> None:
    for attempt in range(5):
        try:
            connection.execute(statement)
            return
        except duckdb.Error as error:
            # Another machine may be making this very catalogue at this moment.
            is_race = re.search(r"already exists|duplicate key", str(error)) is not None
            if not is_race or attempt == 4:
                raise LakeError(f"cannot open {address.printed}: {first_line(error)}") from error
        time.sleep(0.2 * 2**attempt)


def first_line(error: BaseException) -> str:
    """Return the first line of an error, without passwords."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return without_secret(lines[0]) if lines else type(error).__name__


def s3_secret(environment: Mapping[str, str]) -> str | None:
    """Return the statement that tells DuckDB how to reach S3, from the usual variables.

    Examples
    --------
    >>> s3_secret({}) is None
    True
    >>> s3_secret({"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"})
    "create secret (type s3, key_id 'a', secret 'b')"
    """
    given = {
        "key_id": environment.get("AWS_ACCESS_KEY_ID"),
        "secret": environment.get("AWS_SECRET_ACCESS_KEY"),
        "session_token": environment.get("AWS_SESSION_TOKEN"),
        "region": environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION"),
    }
    if not given["key_id"]:
        return None
    endpoint = environment.get("AWS_ENDPOINT_URL_S3") or environment.get("AWS_ENDPOINT_URL")
    if endpoint:
        parts = urlsplit(endpoint)
        given |= {"endpoint": parts.netloc, "url_style": "path"}
        given["use_ssl"] = "true" if parts.scheme == "https" else "false"
    settings = ", ".join(f"{name} {quote(value)}" for name, value in given.items() if value)
    return f"create secret (type s3, {settings})"


def machine_name(home: Home) -> str:
    """Return the name under which a data folder shares and builds: host and folder."""
    return f"{platform.node() or 'localhost'}:{home.root.absolute()}"


# What machines captured ------------------------------------------------------------------------


def share(home: Home, address: Address) -> int:
    """Append what this data folder captured and the lake does not have; return the files.

    Only appends, in one transaction: any number of machines may share at once.
    """
    with opened(address) as lake:
        _make_captured(lake, home)
        known = _captured_paths(lake)
        rows = [path for path in _own_files(home) if path not in known]
        if not rows:
            return 0
        lake.begin()
        try:
            _append_files(lake, home, rows)
            lake.execute(
                "call lake.set_commit_message(?, ?)", [machine_name(home), f"{len(rows)} files"]
            )
            lake.commit()
        except duckdb.Error as error:
            lake.rollback()
            raise LakeError(f"cannot share captures: {first_line(error)}") from error
    return len(rows)


def _own_files(home: Home) -> Iterator[str]:
    """Yield the files of landing and observations, below the data folder; ledgers come last."""
    ledgers = []
    for schema in CAPTURED:
        for path in sorted((home.root / schema).glob("[!.]*/*/*")):
            if path.is_file() and not path.name.startswith("."):
                name = path.relative_to(home.root).as_posix()
                if name.endswith(".ledger.json"):
                    ledgers.append(name)
                else:
                    yield name
    yield from ledgers


def _captured_paths(lake: duckdb.DuckDBPyConnection) -> set[str]:
    found: set[str] = set()
    for schema in CAPTURED:
        found |= {path for (path,) in lake.execute(f"select path from {schema}.file").fetchall()}
    return found


def _make_captured(lake: duckdb.DuckDBPyConnection, home: Home) -> None:
    """Make the tables that machines append to, where no other machine made them first."""
    statements = []
    for schema in CAPTURED:
        statements += [
            f"create schema if not exists {schema}",
            f"create table if not exists {schema}.file (path varchar, machine varchar,"
            " shared_at timestamp, content blob)",  # content null: the rows stand in a table
        ]
    for kind, example in _row_files(home).items():
        statements.append(
            f"create table if not exists observations.{kind} as select *,"
            " null::varchar as observation_path, null::varchar as machine"
            f" from read_parquet({quote(str(example))}) limit 0"
        )
    for statement in statements:
        _at_once(lake, statement)


def _at_once(lake: duckdb.DuckDBPyConnection, statement: str) -> None:
    """Run a statement that another machine may be running too: who comes second finds it done."""
    for attempt in range(10):
        try:
            lake.execute(statement)
            return
        except duckdb.TransactionException:
            time.sleep(0.05 * 2**attempt)
    lake.execute(statement)


def _row_files(home: Home) -> dict[str, Path]:
    """Return the newest file of rows of each kind that this data folder has."""
    files = sorted(home.observations.glob("[!.]*/*/*.parquet"), key=lambda p: p.stat().st_mtime)
    return {match[1]: path for path in files if (match := RECORD.search(path.name))}


def _append_files(lake: duckdb.DuckDBPyConnection, home: Home, paths: list[str]) -> None:
    machine, root = machine_name(home), str(home.root)
    by_kind: dict[str, list[str]] = {}
    blobs: dict[str, list[str]] = {schema: [] for schema in CAPTURED}
    for path in paths:
        match = RECORD.search(path)
        if match and path.startswith("observations/"):
            by_kind.setdefault(match[1], []).append(f"{root}/{path}")
        else:
            blobs[path.split("/", 1)[0]].append(f"{root}/{path}")
    below = f"substr(filename, {len(root) + 2})"
    for schema, files in blobs.items():
        if files:
            lake.execute(
                f"insert into {schema}.file select {below}, ?, current_timestamp::timestamp,"
                " content from read_blob(?)",
                [machine, files],
            )
    for kind, files in by_kind.items():
        reading = f"read_parquet({_list(files)}, union_by_name = true, filename = true)"
        known = [row[0] for row in lake.execute(f"describe observations.{kind}").fetchall()]
        for name, sql_type in _columns(lake, reading):
            if name not in (*known, "filename"):  # a newer parser reads more
                lake.execute(f'alter table observations.{kind} add column "{name}" {sql_type}')
        lake.execute(
            f"insert into observations.{kind} by name select * exclude (filename),"
            f" {below} as observation_path, {quote(machine)} as machine from {reading}"
        )
        lake.execute(
            "insert into observations.file"
            " select unnest(?::varchar[]), ?, current_timestamp::timestamp, null",
            [[file[len(root) + 1 :] for file in files], machine],
        )


def _list(values: Iterable[str]) -> str:
    return "[" + ", ".join(map(quote, values)) + "]"


def _columns(connection: duckdb.DuckDBPyConnection, relation: str) -> list[tuple[str, str]]:
    rows = connection.execute(f"describe select * from {relation}").fetchall()
    return [(row[0], row[1]) for row in rows]


def fetch(home: Home, address: Address) -> int:
    """Write the captures that other machines shared into this data folder; return the files.

    Ledgers come last, so that a build never sees a capture whose rows are not there yet.
    """
    with opened(address, is_read_only=True) as lake:
        if not _has(lake, "observations.file"):
            return 0
        here = set(_own_files(home))
        missing = {path for path in _captured_paths(lake) if path not in here}
        if not missing:
            return 0
        lake.register("missing_path", pa.table({"path": sorted(missing)}))
        for schema in CAPTURED:
            _fetch_blobs(lake, home, schema, "path not like '%.ledger.json'")
        for kind in _kinds(lake):
            _fetch_rows(lake, home, kind)
        _fetch_blobs(lake, home, "observations", "path like '%.ledger.json'")
    return len(missing)


def _kinds(lake: duckdb.DuckDBPyConnection) -> list[str]:
    found = lake.execute(
        "select table_name from duckdb_tables() where database_name = 'lake'"
        " and schema_name = 'observations' and table_name <> 'file' order by 1"
    ).fetchall()
    return [name for (name,) in found]


def _fetch_blobs(lake: duckdb.DuckDBPyConnection, home: Home, schema: str, which: str) -> None:
    batches = lake.execute(
        f"select path, any_value(content) from {schema}.file semi join missing_path using (path)"
        f" where content is not null and {which} group by path"
    )
    while rows := batches.fetchmany(100):
        for path, content in rows:
            _write(home, path, content)


def _fetch_rows(lake: duckdb.DuckDBPyConnection, home: Home, kind: str) -> None:
    """Write the rows of each missing file; where two machines shared the same, those of one."""
    rows = lake.execute(
        f"""
        with chosen as (
            select observation_path, min(machine) as machine from observations.{kind}
            where observation_path in (select path from missing_path) group by observation_path
        )
        select rows_of_one.* exclude (machine) from observations.{kind} as rows_of_one
        semi join chosen using (observation_path, machine)
        order by observation_path, rows_of_one.rowid
        """
    ).to_arrow_table()
    names = rows.column("observation_path").to_pylist()
    rows = rows.drop_columns(["observation_path"])
    start = 0
    for end in range(1, len(names) + 1):
        if end == len(names) or names[end] != names[start]:
            _write(home, names[start], rows.slice(start, end - start))
            start = end


def _write(home: Home, path: str, content: bytes | pa.Table) -> None:
    """Write a file whole or not at all; a path that leaves the data folder is refused."""
    target = (home.root / path).absolute()
    if ".." in Path(path).parts or path.split("/", 1)[0] not in CAPTURED:
        raise LakeError(f"the lake holds a file named {path!r}, which is no capture")
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f".{target.name}.tmp")
    if isinstance(content, bytes):
        unfinished.write_bytes(content)
    else:
        pq.write_table(content, unfinished)
    unfinished.rename(target)


# What one machine built ------------------------------------------------------------------------


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
    """Bring the lake to the newest published run, in one snapshot.

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
        Whether to build the lake from now on, where another data folder did so far.

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
        lake.execute(f"attach {quote(str(path))} as here (read_only)")
        for statement in (
            "create schema if not exists meta",
            f"create table if not exists {PUSH_TABLE} (run_id varchar, builder varchar,"
            " pushed_at timestamp, models_hash varchar, code_schema_version integer)",
            f"create table if not exists {PART_TABLE} (table_name varchar, part varchar,"
            " row_count bigint, fingerprint varchar)",
        ):
            _at_once(lake, statement)
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
            raise LakeError(f"the lake stays as it was: {first_line(error)}") from error
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
    if not _has(lake, PUSH_TABLE):
        return None
    rows = lake.execute(
        f"select run_id, builder, pushed_at from {PUSH_TABLE} order by pushed_at desc limit 1"
    ).fetchall()
    return rows[0] if rows else None


def _has(lake: duckdb.DuckDBPyConnection, table: str) -> bool:
    schema, name = table.split(".")
    return bool(
        lake.execute(
            "select 1 from duckdb_tables() where database_name = 'lake' and schema_name = ?"
            " and table_name = ?",
            [schema, name],
        ).fetchall()
    )


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
    if table.endswith("_open"):  # the market as it stands: rows of every age come and go
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
    """Make the tables that the lake lacks or has with other columns; return their names."""
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
        connection.execute(f"comment on {subject} is {quote(text)}")


def _within(table: str, part: str, lake: duckdb.DuckDBPyConnection) -> str:
    """Return the condition on the rows of a part."""
    instant = _month_of(table, (name for name, _ in _columns(lake, f"lake.{table}")))
    if instant is None:
        return "true"
    if part == "all":
        return f"{instant} is null"
    return f"{instant} >= date '{part}-01' and {instant} < date '{part}-01' + interval 1 month"


def _delete_part(lake: duckdb.DuckDBPyConnection, table: str, part: str) -> None:
    lake.execute(f"delete from lake.{table} where {_within(table, part, lake)}")


def _append_table(lake: duckdb.DuckDBPyConnection, table: str) -> int:
    """Fill a table that has just been made."""
    order = _month_of(table, (name for name, _ in _columns(lake, f"here.{table}")))
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
    for path in sorted((SQL_FOLDER / "macros").glob("*.sql")):
        for statement in duckdb.extract_statements(path.read_text(encoding="utf-8")):
            macro = _MACRO.search(statement.query)
            if macro and (macro[1],) in made:
                waiting.append(statement.query)
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
    """Make the build file of an empty data folder from the lake, and publish it.

    The way back to one file, and the way of a new builder; ``fetch`` brings the captures. The run
    keeps its name.

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
        lake.execute(f"attach {quote(str(unfinished))} as file")
        for table, _ in _tables(lake, "lake").items():
            schema = table.split(".")[0]
            if schema in CAPTURED or table in (PUSH_TABLE, PART_TABLE):
                continue
            lake.execute(f"create schema if not exists file.{schema}")
            order = _month_of(table, (name for name, _ in _columns(lake, f"lake.{table}")))
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


# Looking after it ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Status:
    """What a lake holds."""

    run_id: str | None
    builder: str | None
    pushed_at: datetime | None
    snapshots: int
    files: int
    bytes: int
    machines: dict[str, int]  # captured files by machine


def status(address: Address) -> Status:
    """Return what a lake holds."""
    with opened(address, is_read_only=True) as lake:
        run_id, builder, pushed_at = last_push(lake) or (None, None, None)
        snapshots = lake.execute("select count(*) from lake.snapshots()").fetchall()[0][0]
        files, size = lake.execute(
            "select sum(file_count)::bigint, sum(file_size_bytes)::bigint"
            " from ducklake_table_info('lake')"
        ).fetchall()[0]
        machines: dict[str, int] = {}
        if _has(lake, "observations.file"):
            machines = dict(
                lake.execute(
                    "select machine, count(*) from (from landing.file union all by name"
                    " from observations.file) group by machine order by machine"
                ).fetchall()
            )
        return Status(run_id, builder, pushed_at, snapshots, files or 0, size or 0, machines)


def compact(address: Address, *, keep_days: int) -> None:
    """Join small files, forget snapshots older than some days, and delete what none needs.

    Parameters
    ----------
    keep_days : int
        Snapshots of the last days stay readable. [d]
    """
    older = f"older_than => now() - interval {int(keep_days)} day"
    with opened(address) as lake:
        try:
            lake.execute("call ducklake_flush_inlined_data('lake')")
            lake.execute(f"call ducklake_expire_snapshots('lake', {older})")
            lake.execute("call ducklake_merge_adjacent_files('lake')")
            lake.execute("call ducklake_rewrite_data_files('lake')")
            lake.execute(f"call ducklake_cleanup_old_files('lake', {older})")
        except duckdb.Error as error:
            raise LakeError(f"compaction stopped: {first_line(error)}") from error

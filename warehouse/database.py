"""The one way to a connection: the build file for one writer, the published file for everyone.

Opening, waiting, refusing and mending belong here. Publishing belongs to
``warehouse.publication``, what the tables hold to ``warehouse/sql`` and ``warehouse.history``.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

import duckdb

from warehouse.paths import Home

SCHEMA_VERSION = 3
SCHEMAS = ("staged", "core", "marts", "focus", "meta")
POINTER = "truecost.duckdb"

# The numbered migrations: version -> the SQL that leads to it. Constant defaults only, and never
# in the transaction of a load (DuckDB 1.5 could not replay some other DDL after a kill).
MIGRATIONS: dict[int, str] = {
    2: "alter table if exists meta.quarantine_audit add column if not exists known_at timestamp",
    # The next load reads the reference data anew, and with it the breaks for that column.
    3: "alter table if exists marts.gpu_price_daily add column if not exists method_break varchar;"
    "drop table if exists core.method_break; drop table if exists meta.reference_version",
}

_LOCKED = re.compile(r"Could not set lock on file.*?\(PID (\d+)\)", re.DOTALL)
_NEWER_STORAGE = re.compile(r"newer (DuckDB )?version|storage version", re.IGNORECASE)
_DAMAGED = re.compile(
    r"corrupt|checksum|not a valid DuckDB database|Could not read enough bytes"
    r"|failed to deserialize|Serialization Error|while replaying WAL",
    re.IGNORECASE,
)

log = logging.getLogger(__name__)


class DataFolderError(RuntimeError):
    """The data folder cannot be used as it is; one line that says why and what helps."""


class BuildLockedError(DataFolderError):
    """Another process holds the build file."""


class NewerSchemaError(DataFolderError):
    """The file was written by a newer truecost or a newer DuckDB."""


class PublishedDamagedError(DataFolderError):
    """The published file cannot be read any more."""

    def __init__(self, home: Home, reason: object) -> None:
        super().__init__(
            f"the published file in {home.published} is damaged: truecost restore puts the newest"
            f" whole run back ({' '.join(str(reason).split())})"
        )


class NothingPublishedError(DataFolderError):
    """Nothing has been published in this data folder yet."""


def open_build(
    home: Home,
    *,
    wait_seconds: float = 60.0,
    memory_limit: str = "2GiB",
    threads: int | None = None,
) -> duckdb.DuckDBPyConnection:
    """Open the build file for writing: the only writer, after waiting for the one before.

    A missing file is made. A damaged file is moved aside and replaced by the newest published
    copy, or by an empty file where there is none: the build then merges again what the file does
    not know, because ``meta.capture`` tells which captures it holds.

    Parameters
    ----------
    home : Home
        The data folder.
    wait_seconds : float
        How long to wait for another writer. [s]
    memory_limit : str
        DuckDB's limit; larger work spills to disk beside the file.
    threads : int, optional
        Threads of DuckDB; all cores where not given.

    Raises
    ------
    BuildLockedError
        If another process still holds the file after ``wait_seconds``.
    NewerSchemaError
        If the file was written by a newer truecost or DuckDB.
    """
    path = home.build_database
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        return _prepared(_connected(path, wait_seconds, memory_limit, threads))
    except duckdb.Error as error:
        if not is_damage(error):
            raise
        mend_build(home, str(error))
    return _prepared(_connected(path, wait_seconds, memory_limit, threads))


@contextmanager
def exclusive(home: Home, work: str, wait_seconds: float = 60.0) -> Iterator[None]:
    """Let one process at a time do some work on a data folder; within a process it may nest.

    Who comes to build after a rebuild that was killed finds the file that stood before it.

    Parameters
    ----------
    home : Home
        The data folder.
    work : str
        What is done, such as ``build``: the name of the lock file.
    wait_seconds : float
        How long to wait for another process. [s]

    Raises
    ------
    BuildLockedError
        If another process is still at it; the line names it.
    """
    path = home.locks / work
    if path in _held:
        yield
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as lock:
        _wait_for(home, lock, wait_seconds)
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        _held.add(path)
        try:
            if work == "build" and home.build_before.exists():  # a rebuild would hold the lock
                put_back(home)
            yield
        finally:
            _held.discard(path)


def put_back(home: Home) -> None:
    """Put the build file that a rebuild set aside in its place again."""
    home.build_database.with_name(f"{home.build_database.name}.wal").unlink(missing_ok=True)
    home.build_before.replace(home.build_database)


def wait_for(home: Home, work: str, wait_seconds: float = 60.0) -> None:
    """Wait until no process does some work on a data folder, and change nothing (``exclusive``)."""
    path = home.locks / work
    if path not in _held and path.exists():
        with path.open(encoding="utf-8") as lock:
            _wait_for(home, lock, wait_seconds)


def _wait_for(home: Home, lock: IO[str], wait_seconds: float) -> None:
    deadline = time.monotonic() + wait_seconds
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > deadline:
                lock.seek(0)
                raise BuildLockedError(
                    f"{home.root} is being written by process {lock.read()}"
                    f" (waited {wait_seconds:.0f} s); try again when it has ended"
                ) from None
        time.sleep(0.1)


_held: set[Path] = set()  # the locks of this process


def is_damage(error: BaseException) -> bool:
    """Return whether a DuckDB error says that bytes of the file are wrong.

    Examples
    --------
    >>> is_damage(duckdb.IOException("Corrupt database file: computed checksum 1 does not ..."))
    True
    >>> is_damage(duckdb.CatalogException("Table with name t does not exist!"))
    False
    """
    return isinstance(error, duckdb.Error) and _DAMAGED.search(str(error)) is not None


def mend_build(home: Home, reason: str) -> Path:
    """Move a damaged build file aside and put the newest readable published copy in its place.

    Returns the path of the damaged file, which is kept. Without a published copy the next
    ``open_build`` starts an empty file, and the build merges everything in landing.
    """
    path = home.build_database
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")
    aside = path.with_name(f"{path.name}.damaged-{stamp}")
    wal = path.with_name(path.name + ".wal")
    path.rename(aside)
    if wal.exists():
        wal.rename(aside.with_name(aside.name + ".wal"))
    log.warning("the build file is damaged (%s); kept as %s", " ".join(reason.split()), aside.name)
    for candidate in published_files(home):
        if is_readable(candidate):
            restored = path.with_name(path.name + ".tmp")
            shutil.copyfile(candidate, restored)
            restored.rename(path)
            log.warning("the build file is restored from %s", candidate.name)
            break
    else:
        log.warning("no published copy to restore from; rebuilding from landing")
    return aside


def open_published(home: Home) -> duckdb.DuckDBPyConnection:
    """Open the published file for reading, by its versioned name.

    A process that keeps the connection keeps one consistent file, whatever is published
    meanwhile; a new call sees the newest.

    Parameters
    ----------
    home : Home
        The data folder.

    Raises
    ------
    NothingPublishedError
        If there is no published file.
    NewerSchemaError
        If it was written by a newer truecost or DuckDB.
    PublishedDamagedError
        If it cannot be opened; ``is_damage`` tells the same of an error while reading.
    """
    pointer = home.published / POINTER
    for attempt in (1, 2):
        path = pointer.resolve()
        if not path.exists():
            if published_files(home):
                raise PublishedDamagedError(home, f"{path.name} is missing")
            raise NothingPublishedError(
                f"nothing is published in {home.published} yet: run `truecost run` first"
            )
        try:
            connection = duckdb.connect(path, read_only=True, config=_quiet())
            break
        except duckdb.IOException as error:
            if _NEWER_STORAGE.search(str(error)):
                raise NewerSchemaError(_newer(path, "a newer DuckDB")) from error
            if is_damage(error):
                raise PublishedDamagedError(home, error) from error
            if attempt == 2 or path.exists():  # else: swept between resolving and opening
                raise
    connection.execute("set TimeZone = 'UTC'")
    _refuse_newer(connection, path)
    return connection


def confined(connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """Keep the queries of a connection from files and settings of the machine (foreign SQL)."""
    connection.execute("set enable_external_access = false")
    connection.execute("set lock_configuration = true")
    return connection


def open_unchanged(path: Path) -> duckdb.DuckDBPyConnection:
    """Open a file to look at it and nothing else: no waiting, no mending, no migration.

    Raises
    ------
    BuildLockedError
        If another process is writing it.
    """
    try:
        return duckdb.connect(path, read_only=True, config=_quiet())
    except duckdb.IOException as error:
        locked = _LOCKED.search(str(error))
        if locked is None:
            raise
        raise BuildLockedError(f"{path} is being written by process {locked[1]}") from error


def published_files(home: Home) -> list[Path]:
    """Return the published files, newest first.

    Newest by what their manifests say: the times of the files are lost where a folder is copied.
    """

    def age(path: Path) -> tuple[str, int, str]:
        manifest = path.with_name(f"manifest-{path.stem.removeprefix('truecost-')}.json")
        try:
            published_at = str(json.loads(manifest.read_bytes())["published_at"])
        except (OSError, ValueError, TypeError, KeyError):
            published_at = ""  # told by ``publication.damage``
        return published_at, path.stat().st_mtime_ns, path.name

    return sorted(home.published.glob("truecost-*.duckdb"), key=age, reverse=True)


def is_readable(path: Path) -> bool:
    """Return whether the file opens read-only and knows its schema version."""
    try:
        with duckdb.connect(path, read_only=True) as connection:
            return schema_version(connection) is not None
    except duckdb.Error:
        return False


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


def _connected(
    path: Path, wait_seconds: float, memory_limit: str, threads: int | None
) -> duckdb.DuckDBPyConnection:
    deadline = time.monotonic() + wait_seconds
    pause = 0.05
    config = _quiet() | {"memory_limit": memory_limit}
    if threads is not None:
        config["threads"] = str(threads)
    while True:
        try:
            return duckdb.connect(path, config=config)
        except duckdb.IOException as error:
            if _NEWER_STORAGE.search(str(error)):
                raise NewerSchemaError(_newer(path, "a newer DuckDB")) from error
            locked = _LOCKED.search(str(error))
            if locked is None:
                raise
            if time.monotonic() + pause > deadline:
                raise BuildLockedError(
                    f"{path} is being written by process {locked[1]}"
                    f" (waited {wait_seconds:.0f} s); try again when it has ended"
                ) from error
        time.sleep(pause)
        pause = min(pause * 2, 1.0)


def _prepared(connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """Return the connection to a file that has our schemas and our version, or refuse."""
    connection.execute("set TimeZone = 'UTC'")
    path = Path(connection.execute("select path from duckdb_databases() limit 1").fetchall()[0][0])
    version = schema_version(connection)
    if version is None:
        for schema in SCHEMAS:
            connection.execute(f"create schema if not exists {schema}")
        connection.execute(
            "create table meta.schema_version as"
            f" select {SCHEMA_VERSION} as version, current_timestamp::timestamp as installed_at"
        )
        connection.execute("checkpoint")
        return connection
    _refuse_newer(connection, path)
    for step in range(version + 1, SCHEMA_VERSION + 1):
        connection.execute(MIGRATIONS[step])
        connection.execute(
            "insert into meta.schema_version values (?, current_timestamp::timestamp)", [step]
        )
        connection.execute("checkpoint")
    return connection


def _refuse_newer(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    version = schema_version(connection)
    if version is not None and version > SCHEMA_VERSION:
        connection.close()
        raise NewerSchemaError(_newer(path, f"a newer truecost (schema {version})"))


def _newer(path: Path, by: str) -> str:
    return (
        f"{path} was written by {by}; this truecost knows schema {SCHEMA_VERSION}"
        f" and DuckDB {duckdb.__version__}: update it, or set TRUECOST_HOME to another folder"
    )


def _quiet() -> dict[str, str | bool | int | float | list[str]]:
    """Return the settings of every connection: no extension comes over the network."""
    return {"autoinstall_known_extensions": False, "autoload_known_extensions": False}

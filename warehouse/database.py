"""Connections to the build file, for one writer, and to the published file, for everyone.

Opening, waiting, refusing and repairing belong here. Publishing belongs to
``warehouse.publication``, what the tables hold to ``warehouse/sql`` and ``warehouse.history``.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import logging
import os
import re
import secrets
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from errno import EACCES
from pathlib import Path
from typing import IO

import duckdb

from warehouse import files
from warehouse.confinement import Limits
from warehouse.migrations import SCHEMA_VERSION, begin, migrate, schema_version
from warehouse.paths import Home
from warehouse.rows import list_literal

# Names for modules that use an open file and do not import DuckDB themselves.
Connection = duckdb.DuckDBPyConnection
DatabaseError = duckdb.Error
CatalogError = duckdb.CatalogException  # the file has no table or function of a name
BinderError = duckdb.BinderException  # the file has no column of a name
OutOfMemoryError = duckdb.OutOfMemoryException

SESSION = "set TimeZone = 'UTC'; set enable_progress_bar = false"
"""What every connection sets. Without it DuckDB draws a bar into the answer on standard output, two
seconds into a query, in each process that was started without a script file."""

POINTER = "truecost.duckdb"
KEPT_DAMAGED = 2  # build files that were set aside

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


class PublishedLockedError(DataFolderError):
    """Another process has the published file open for writing."""


class ForeignLogError(DataFolderError):
    """A log of changes stands beside a published file, which DuckDB would believe."""

    def __init__(self, log_file: Path) -> None:
        super().__init__(
            f"{log_file} was not published, and DuckDB would believe it: remove it, or let"
            " truecost restore do it"
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
    """Open the build file for writing, after waiting for another writer to end.

    A missing file is created. A damaged file is moved aside and replaced by the newest published
    copy, or by an empty file if there is none. ``meta.capture`` lists the captures of the file, so
    that the next build merges the missing ones again.

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
    files.private_folder(path.parent)
    try:
        return _prepared(_connected(path, wait_seconds, memory_limit, threads))
    except duckdb.Error as error:
        if not is_damage(error):
            raise
        mend_build(home, str(error))
    return _prepared(_connected(path, wait_seconds, memory_limit, threads))


@contextmanager
def exclusive(home: Home, work: str, wait_seconds: float = 60.0) -> Iterator[None]:
    """Lock a data folder for one kind of work; within a process the lock may nest.

    If a rebuild was killed, the next build restores the file of before it.

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
        If another process still holds the lock; the line names it.
    """
    path = home.locks / work
    if path in _held:
        yield
        return
    files.private_folder(home.root)
    path.parent.mkdir(exist_ok=True)
    with opened_lock(path) as lock:
        _wait_for(home, lock, wait_seconds)
        lock.seek(0)
        lock.truncate()
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
    """Restore the build file that a rebuild set aside."""
    home.build_database.with_name(f"{home.build_database.name}.wal").unlink(missing_ok=True)
    home.build_before.replace(home.build_database)


def wait_for(home: Home, work: str, wait_seconds: float = 60.0) -> None:
    """Wait until no process does some work on a data folder, and change nothing (``exclusive``)."""
    path = home.locks / work
    if path not in _held and (path.exists() or path.is_symlink()):
        with opened_lock(path) as lock:
            _wait_for(home, lock, wait_seconds)


def opened_lock(path: Path) -> IO[str]:
    """Open a lock file, or refuse what stands in its place."""
    try:
        return files.lock_file(path)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EEXIST, errno.EISDIR):
            raise DataFolderError(f"{path} is not a lock file of truecost; remove it") from error
        raise DataFolderError(f"cannot write in {path.parent}: {error.strerror}") from error


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


_SPILL_NAME = secrets.token_hex(8)
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

    Returns the path of the damaged file, which is kept; of several the newest two are. Without a
    published copy the next ``open_build`` starts an empty file, and the build merges everything in
    landing.
    """
    path = home.build_database
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")
    aside = path.with_name(f"{path.name}.damaged-{stamp}")
    wal = path.with_name(path.name + ".wal")
    path.rename(aside)
    if wal.exists():
        wal.rename(aside.with_name(aside.name + ".wal"))
    log.warning("the build file is damaged (%s); kept as %s", " ".join(reason.split()), aside.name)
    for older in sorted(path.parent.glob(f"{path.name}.damaged-*Z"))[:-KEPT_DAMAGED]:
        older.unlink()
        older.with_name(older.name + ".wal").unlink(missing_ok=True)
    for candidate in published_files(home):
        if is_readable(candidate):
            files.copy_file(candidate, path)
            log.warning("the build file is restored from %s", candidate.name)
            break
    else:
        log.warning("no published copy to restore from; rebuilding from landing")
    return aside


def open_published(
    home: Home, limits: Limits | None = None, *, folders: Iterable[Path] = ()
) -> duckdb.DuckDBPyConnection:
    """Open the published file for reading, by its versioned name.

    A process that keeps the connection keeps one consistent file, whatever is published
    meanwhile; a new call sees the newest. A file that somebody else published may hold views of
    theirs: they can read no file of this machine.

    Parameters
    ----------
    home : Home
        The data folder.
    limits : Limits, optional
        What queries on it may use; without them they spill to a temporary folder of this process.
    folders : iterable of Path
        Whose files queries may read and write all the same.

    Raises
    ------
    NothingPublishedError
        If there is no published file.
    NewerSchemaError
        If it was written by a newer truecost or DuckDB.
    ForeignLogError
        If a log of changes stands beside it.
    PublishedLockedError
        If another process has it open for writing.
    PublishedDamagedError
        If it cannot be opened; ``is_damage`` recognises the same in an error while reading.
    """
    pointer = home.published / POINTER
    settings = limits.settings if limits else {"temp_directory": spill_folder()}
    for attempt in (1, 2):
        path = pointer.resolve()
        if not path.exists():
            if published_files(home):
                raise PublishedDamagedError(home, f"{path.name} is missing")
            raise NothingPublishedError(
                f"nothing is published in {home.published} yet: run `truecost run` first"
            )
        refuse_logs(home)
        try:
            connection = duckdb.connect(path, read_only=True, config=_quiet() | settings)
            break
        except duckdb.IOException as error:
            if attempt == 1 and not path.exists():  # swept between resolving and opening
                continue
            raise _unopened(home, path, error) from error
    try:
        refuse_logs(home)  # one that came while the file was opened
    except ForeignLogError:
        connection.close()
        raise
    connection.execute(SESSION)
    deny_files(connection, folders)
    _refuse_newer(connection, path)
    return connection


def deny_files(connection: duckdb.DuckDBPyConnection, folders: Iterable[Path] = ()) -> None:
    """Deny a connection, and the views of the file that it opened, all files but those of folders.

    Connections of a process to the same file share this: the first one decides.
    """
    if connection.execute("select current_setting('enable_external_access')").fetchall()[0][0]:
        allowed = list_literal(str(folder.resolve()) for folder in folders)
        connection.execute(f"set allowed_directories = {allowed}")
        connection.execute("set enable_external_access = false")


def foreign_logs(home: Home) -> list[Path]:
    """Return what stands beside published files and DuckDB would believe; we publish no log."""
    found = home.published.glob("*.duckdb*.wal*")  # .wal, .wal.checkpoint, .wal.recovery
    return sorted(path for path in found if path.suffix != ".duckdb")


def refuse_logs(home: Home) -> None:
    """Refuse a published folder in which a log stands beside a file."""
    for path in foreign_logs(home):
        raise ForeignLogError(path)


def _unopened(home: Home, path: Path, error: duckdb.IOException) -> DataFolderError:
    """Return what to say of a published file that DuckDB does not open."""
    if _NEWER_STORAGE.search(str(error)):
        return NewerSchemaError(_newer(path, "a newer DuckDB"))
    if is_damage(error):
        return PublishedDamagedError(home, error)
    if locked := _LOCKED.search(str(error)):
        return PublishedLockedError(
            f"{path} is open for writing in process {locked[1]}: end it, or open the file there"
            " with read_only"
        )
    return DataFolderError(f"cannot open the published file: {str(error).splitlines()[0]}")


def spill_folder() -> str:
    """Return where the readers of this process spill: never beside the published file.

    DuckDB makes the folder when it needs it and removes it. The name cannot be guessed.
    """
    return str(Path(tempfile.gettempdir()) / f"truecost-spill-{os.getpid()}-{_SPILL_NAME}")


def open_unchanged(path: Path) -> duckdb.DuckDBPyConnection:
    """Open a file to look at it and nothing else: no waiting, no repair, no migration.

    Raises
    ------
    BuildLockedError
        If another process is writing it.
    """
    try:
        connection = duckdb.connect(path, read_only=True, config=_quiet())
    except duckdb.IOException as error:
        locked = _LOCKED.search(str(error))
        if locked is None:
            raise
        raise BuildLockedError(f"{path} is being written by process {locked[1]}") from error
    connection.execute(SESSION)
    return connection


def published_files(home: Home) -> list[Path]:
    """Return the published files, newest first.

    Newest by what their manifests say: the times of the files are lost where a folder is copied.
    """

    def age(path: Path) -> tuple[str, int, str]:
        manifest = path.with_name(f"manifest-{path.stem.removeprefix('truecost-')}.json")
        published_at = ""  # what is wrong is reported by ``publication.damage``
        if manifest.is_file():
            with contextlib.suppress(OSError, ValueError, TypeError, KeyError, RecursionError):
                published_at = str(json.loads(manifest.read_bytes())["published_at"])
        changed_at = 0
        with contextlib.suppress(FileNotFoundError):  # swept meanwhile
            changed_at = path.stat().st_mtime_ns
        return published_at, changed_at, path.name

    found = (path for path in home.published.glob("truecost-*.duckdb") if path.is_file())
    return sorted(found, key=age, reverse=True)


def refuse_unreadable(path: Path) -> None:
    """Refuse a file that somebody else published and this version cannot read.

    Raises
    ------
    DataFolderError
        If it is no published file of truecost, or one of a newer version.
    """
    try:
        with duckdb.connect(path, read_only=True, config=_quiet()) as connection:
            deny_files(connection)
            if not isinstance(schema_version(connection), int):
                raise DataFolderError("it is no published file of truecost")
            _refuse_newer(connection, path)
    except duckdb.Error as error:
        if _NEWER_STORAGE.search(str(error)):
            raise NewerSchemaError(_newer(path, "a newer DuckDB")) from None
        raise DataFolderError("it is no published file of truecost") from None


def is_readable(path: Path) -> bool:
    """Return whether the file opens read-only and knows its schema version."""
    try:
        with duckdb.connect(path, read_only=True) as connection:
            return schema_version(connection) is not None
    except duckdb.Error:
        return False


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
                if not os.access(path if path.exists() else path.parent, os.R_OK | os.W_OK):
                    raise PermissionError(EACCES, os.strerror(EACCES), str(path)) from error
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
    connection.execute(SESSION)
    path = Path(connection.execute("select path from duckdb_databases() limit 1").fetchall()[0][0])
    version = schema_version(connection)
    if version is None:
        begin(connection)
        return connection
    _refuse_newer(connection, path)
    migrate(connection, version)
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

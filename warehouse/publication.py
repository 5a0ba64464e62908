"""Publishing: a checked copy under its own name, then the pointer; keeping, restoring, verifying.

The published folder holds, for each of the last runs, ``truecost-<run>.duckdb``,
``parquet-<run>/`` (one folder a table of core and marts) and ``manifest-<run>.json`` (hashes and
row counts), and two links to the newest: ``truecost.duckdb`` and ``parquet``. Everything is written
under a ``.tmp`` name, flushed to disk and renamed; the links move last. A run killed anywhere
leaves the old links on an old, whole file.

What is published is decided by the build. Reading belongs to ``warehouse.database``.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from warehouse import history
from warehouse.database import (
    POINTER,
    DataFolderError,
    NothingPublishedError,
    exclusive,
    is_damage,
    mend_build,
    open_build,
    open_unchanged,
    published_files,
    schema_version,
)
from warehouse.models import quote, table_exists
from warehouse.paths import Home

KEPT_RUNS = 14
PARQUET_POINTER = "parquet"
EXPORTED_SCHEMAS = ("core", "marts")
RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
# The two tables of a history are one dataset to a reader of Parquet, as they are one view in SQL.
DATASETS = {
    table: (f"core/{entity.view}", piece)
    for entity in (history.OFFER, history.API_PRICE)
    for table, piece in ((entity.open, "open"), (entity.closed, "closed-"))
}


@dataclass(frozen=True, kw_only=True)
class Part:
    """A Parquet file of an export: what it holds, and the hash of its bytes."""

    path: str  # below parquet-<run>/
    rows: int
    fingerprint: str  # of the rows, whatever their order
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What a published run consists of."""

    run_id: str
    published_at: str  # UTC
    duckdb_version: str
    schema_version: int
    database: str
    bytes: int
    sha256: str
    rows: dict[str, int]  # schema.table: rows
    parts: tuple[Part, ...]

    @classmethod
    def read(cls, path: Path) -> Manifest:
        """Read a manifest file."""
        fields: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return cls(**fields | {"parts": tuple(Part(**part) for part in fields["parts"])})

    def text(self) -> str:
        """Return the manifest as JSON."""
        return json.dumps(asdict(self), indent=1, sort_keys=True) + "\n"


def publish(home: Home, run_id: str, *, keep: int = KEPT_RUNS) -> Path:
    """Publish the build file as it stands, and move the pointer to it.

    The build file must be closed in this process. It is checkpointed and closed, then copied as a
    file: without a write-ahead log beside it, and with a read lock that keeps every writer out
    until the copy is on disk, its bytes are the whole database. (``copy from database`` does the
    same 60 times slower: 38 s against 0.6 s for 12.5 million rows.)

    Parameters
    ----------
    home : Home
        The data folder.
    run_id : str
        Name of the run: letters, digits, ``_ . -``. A run published again is replaced.
    keep : int
        How many published runs are kept.

    Returns
    -------
    Path
        The published file.

    Raises
    ------
    DataFolderError
        If the copy does not hold what the build file holds, a block of it is damaged (it is then
        mended, see ``mend_build``), or the disk is full. The pointer still points to the run
        before.
    """
    if not RUN_ID.fullmatch(run_id):
        raise DataFolderError(f"run id {run_id!r} is no file name: letters, digits, _ . - only")
    home.published.mkdir(parents=True, exist_ok=True)
    with exclusive(home, "publish"):  # another would sweep away what is being written
        return _publish(home, run_id, keep)


def _publish(home: Home, run_id: str, keep: int) -> Path:
    sweep(home)
    database = home.published / f"truecost-{run_id}.duckdb"
    folder = home.published / f"parquet-{run_id}"
    manifest = home.published / f"manifest-{run_id}.json"
    copied, exported = _temporary(database), _temporary(folder)
    before = _newest_export(home)
    try:
        with _closed_build(home) as build:
            expected = _row_counts(build)
            with home.build_database.open("rb") as source, copied.open("wb") as target:
                shutil.copyfileobj(source, target, 2**22)
                target.flush()
                os.fsync(target.fileno())
                build.close()  # before `source`: closing a file drops this process's locks on it
        with duckdb.connect(copied, read_only=True, config={"memory_limit": "2GiB"}) as copy:
            version = schema_version(copy)
            found = _row_counts(copy)
            if version is None or found != expected:
                raise DataFolderError(f"the copy of {home.build_database} is not equal to it")
            parts = tuple(_export(copy, exported, before))
        described = Manifest(
            run_id=run_id,
            published_at=datetime.now(UTC).isoformat(timespec="seconds"),
            duckdb_version=duckdb.__version__,
            schema_version=version,
            database=database.name,
            bytes=copied.stat().st_size,
            sha256=file_sha256(copied),
            rows=found,
            parts=parts,
        )
        if folder.exists():
            folder.rename(folder.with_name(folder.name + ".old.tmp"))
        exported.rename(folder)
        copied.rename(database)
        _write(manifest, described.text())
    except OSError as error:
        raise DataFolderError(f"cannot publish in {home.published}: {error.strerror}") from error
    except duckdb.Error as error:
        reason = " ".join(str(error).split())
        if not is_damage(error):
            raise DataFolderError(f"cannot publish in {home.published}: {reason}") from error
        aside = mend_build(home, reason)
        raise DataFolderError(
            f"the build file is damaged and kept as {aside.name}; the newest published copy takes"
            f" its place, run again: {reason}"
        ) from error
    finally:
        sweep(home)
    _point(home.published / PARQUET_POINTER, folder.name)
    _point(home.published / POINTER, database.name)
    _prune(home, keep)
    return database


def sweep(home: Home) -> None:
    """Remove what a killed run left half written in the published folder."""
    for path in home.published.glob("*.tmp"):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def restore(home: Home, run_id: str | None = None) -> Path:
    """Put a published run back as the build file, and the pointer to it.

    What was captured after that run is still in landing: the next build merges it again.

    Parameters
    ----------
    home : Home
        The data folder.
    run_id : str, optional
        The run; the newest whose bytes are those of its manifest where not given.

    Returns
    -------
    Path
        The published file that the build file is a copy of.

    Raises
    ------
    NothingPublishedError
        If there is no such run, or none whose database is whole.
    BuildLockedError
        If the build file is being written.
    DataFolderError
        If the disk is full: what stood before stands.
    """
    candidates = published_files(home)
    if run_id is not None:
        candidates = [path for path in candidates if _run_id(path) == run_id]
    whole = next((path for path in candidates if not damage(path)), None)
    if whole is None:  # Parquet is made from the database: the next run makes it anew
        whole = next((path for path in candidates if _is_whole(path)), None)
    if whole is None:
        known = ", ".join(_run_id(path) for path in published_files(home)) or "none"
        raise NothingPublishedError(
            f"no whole published run {run_id or ''} in {home.published}; there are: {known}"
        )
    copied = _temporary(home.build_database)
    # Open, so that no writer is at work and none can begin.
    with open_build(home, wait_seconds=5) as build:
        build.execute("checkpoint")  # no log is left that belongs to the file before
        try:
            shutil.copyfile(whole, copied)
            with copied.open("rb") as file:
                os.fsync(file.fileno())
        except OSError as error:
            copied.unlink(missing_ok=True)
            raise DataFolderError(f"cannot restore in {home.root}: {error.strerror}") from error
        copied.rename(home.build_database)
        _flush_folder(home.build_database.parent)
    _point(home.published / PARQUET_POINTER, f"parquet-{_run_id(whole)}")
    _point(home.published / POINTER, whole.name)
    return whole


def damage(database: Path) -> list[str]:
    """Return what is wrong with a published run, one line a file; nothing where it is whole."""
    run_id = _run_id(database)
    manifest_path = database.with_name(f"manifest-{run_id}.json")
    if not manifest_path.exists():
        return [f"{manifest_path.name} is missing"]
    try:
        manifest = Manifest.read(manifest_path)
    except (ValueError, TypeError, KeyError) as error:
        return [f"{manifest_path.name} cannot be read: {error}"]
    hashes = {database: manifest.sha256} | {
        database.with_name(f"parquet-{run_id}") / part.path: part.sha256 for part in manifest.parts
    }
    wrong = []
    for path, sha256 in hashes.items():
        if not path.exists():
            wrong.append(f"{path.relative_to(database.parent)} is missing")
        elif not _has_bytes(path, sha256):
            wrong.append(f"{path.relative_to(database.parent)} has other bytes than published")
    return wrong


def _is_whole(database: Path) -> bool:
    """Tell whether the database itself has the bytes that were published."""
    return not any(line.startswith((database.name, "manifest-")) for line in damage(database))


def _has_bytes(path: Path, sha256: str) -> bool:
    return path.exists() and file_sha256(path) == sha256


def build_damage(home: Home) -> list[str]:
    """Return in what the build file differs from the run that was published from it.

    One line a part of a table; nothing where it holds what was published, or has been built anew
    since. The file is only read.

    Raises
    ------
    BuildLockedError
        If it is being written.
    """
    published = published_files(home)
    if not home.build_database.exists() or not published:
        return []
    try:
        manifest = Manifest.read(published[0].with_name(f"manifest-{_run_id(published[0])}.json"))
    except (OSError, ValueError, TypeError, KeyError):
        return []  # told by ``damage``
    if manifest.duckdb_version != duckdb.__version__:
        return []  # another version may hash otherwise
    known = {part.path: (part.rows, part.fingerprint) for part in manifest.parts}
    try:
        with open_unchanged(home.build_database) as build:
            if _built_run(build) != manifest.run_id:
                return []
            found = {
                f"{cut.dataset}/{value}.parquet": (rows, fingerprint)
                for cut in _cuts(build)
                for value, rows, fingerprint, _, _ in _pieces(build, cut)
            }
    except duckdb.Error as error:
        return [f"{home.build_database.name} cannot be read: {' '.join(str(error).split())}"]
    return [
        f"{home.build_database.name}: {path.removesuffix('.parquet')} has other rows than published"
        for path in sorted(known | found)
        if known.get(path) != found.get(path)
    ]


def _built_run(build: duckdb.DuckDBPyConnection) -> str | None:
    if not table_exists(build, "staged.build_clock"):
        return None
    run_id: str
    [(run_id,)] = build.execute("select run_id from staged.build_clock").fetchall()
    return run_id


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _closed_build(home: Home) -> Iterator[duckdb.DuckDBPyConnection]:
    """Give a read-only connection to a build file that has no log beside it.

    While it is open no process can write.
    """
    wal = home.build_database.with_name(home.build_database.name + ".wal")
    while True:
        with open_build(home) as writer:
            writer.execute("checkpoint")
        try:
            reader = duckdb.connect(home.build_database, read_only=True)
        except duckdb.ConnectionException as error:
            raise DataFolderError("close the build file before publishing it") from error
        except duckdb.IOException:
            continue  # another writer came between; open_build waits for it
        if not wal.exists():
            break
        reader.close()
    try:
        yield reader
    finally:
        reader.close()


def _row_counts(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    tables = connection.execute(
        "select schema_name || '.' || table_name from duckdb_tables() order by all"
    ).fetchall()
    return {
        name: connection.execute(f"select count(*) from {name}").fetchall()[0][0]
        for (name,) in tables
    }


def _newest_export(home: Home) -> tuple[Path, Manifest] | None:
    """Return the folder and the manifest of the newest export, if it is usable."""
    for database in published_files(home):
        manifest = database.with_name(f"manifest-{_run_id(database)}.json")
        folder = database.with_name(f"parquet-{_run_id(database)}")
        if manifest.exists() and folder.exists():
            known = Manifest.read(manifest)
            return (folder, known) if known.duckdb_version == duckdb.__version__ else None
    return None


def _export(
    connection: duckdb.DuckDBPyConnection, folder: Path, before: tuple[Path, Manifest] | None
) -> Iterator[Part]:
    """Write core and marts as Parquet; a part that did not change is linked, not written.

    What has days is cut by month, the history by the month in which a row was last touched: a
    day's build then writes one part of it. Reading every row also finds damaged blocks.
    """
    old_folder, old_parts = Path(), dict[tuple[str, int, str], Part]()
    if before is not None:
        old_folder = before[0]
        old_parts = {(part.path, part.rows, part.fingerprint): part for part in before[1].parts}
    folder.mkdir()
    for cut in _cuts(connection):
        (folder / cut.dataset).mkdir(parents=True, exist_ok=True)
        for value, rows, fingerprint, first, last in _pieces(connection, cut):
            path = f"{cut.dataset}/{value}.parquet"
            known = old_parts.get((path, rows, fingerprint))
            # A link shares its bytes with the runs before: damaged ones are written anew.
            if known is not None and _has_bytes(old_folder / path, known.sha256):
                os.link(old_folder / path, folder / path)
                yield known
                continue
            connection.execute(
                # The rows of a month lie together: by their numbers the rest is not read.
                f"copy (select * from {cut.relation} where {cut.piece} = {quote(value)}"
                f"{'' if cut.is_view else f' and rowid between {first} and {last}'})"
                f" to {quote(str(folder / path))}"
                " (format parquet, compression zstd)"
            )
            with (folder / path).open("rb") as file:
                os.fsync(file.fileno())
            yield Part(
                path=path,
                rows=rows,
                fingerprint=fingerprint,
                sha256=file_sha256(folder / path),
            )
        _flush_folder(folder / cut.dataset)
    _flush_folder(folder)


@dataclass(frozen=True)
class _Cut:
    """How a relation is exported: the folder of its parts, and what tells the part of a row."""

    relation: str
    is_view: bool
    dataset: str
    piece: str  # SQL
    columns: tuple[str, ...]


def _cuts(connection: duckdb.DuckDBPyConnection) -> Iterator[_Cut]:
    for name, is_view, dataset, prefix in _exported_relations(connection):
        columns = tuple(row[0] for row in connection.execute(f"describe {name}").fetchall())
        if "superseded_at" in columns and prefix != "open":
            piece = f"'{prefix}' || strftime(coalesce(superseded_at, recorded_at), '%Y-%m')"
        elif "day" in columns:
            piece = f"'{prefix}' || coalesce(strftime(day, '%Y-%m'), 'undated')"
        else:
            piece = f"'{prefix or 'all'}'"
        yield _Cut(name, is_view, dataset, piece, columns)


def _pieces(
    connection: duckdb.DuckDBPyConnection, cut: _Cut
) -> list[tuple[str, int, str, int, int]]:
    """Return (part, rows, fingerprint, first and last row number) of what is exported."""
    return connection.execute(
        f"select {cut.piece} as piece, count(*),"
        f" sum(hash({', '.join(map(_quoted, cut.columns))}))::varchar,"
        f" {'0, 0' if cut.is_view else 'min(rowid), max(rowid)'}"
        f" from {cut.relation} group by piece order by piece"
    ).fetchall()


def _exported_relations(
    connection: duckdb.DuckDBPyConnection,
) -> list[tuple[str, bool, str, str]]:
    """Return (relation, whether it is a view, dataset, prefix of its parts) of what is exported."""
    relations = connection.execute(
        "select table_schema || '.' || table_name, table_type = 'VIEW'"
        " from information_schema.tables where list_contains($1, table_schema) order by all",
        [list(EXPORTED_SCHEMAS)],
    ).fetchall()
    views = {f"core.{entity.view}" for entity in (history.OFFER, history.API_PRICE)}
    return [
        (name, is_view, *DATASETS.get(name, (name.replace(".", "/"), "")))
        for name, is_view in relations
        if name not in views
    ]


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _run_id(database: Path) -> str:
    return database.name.removeprefix("truecost-").removesuffix(".duckdb")


def _temporary(path: Path) -> Path:
    return path.with_name(path.name + ".tmp")


def _write(path: Path, text: str) -> None:
    """Write a small file whole or not at all."""
    temporary = _temporary(path)
    with temporary.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)
    _flush_folder(path.parent)


def _point(link: Path, target: str) -> None:
    """Let a link point to another name in its folder, at once for every reader."""
    if link.is_dir() and not link.is_symlink():
        raise DataFolderError(f"{link} is a folder where a link to the newest run belongs: move it")
    temporary = _temporary(link)
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(target)
    temporary.rename(link)
    _flush_folder(link.parent)


def _flush_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _prune(home: Home, keep: int) -> None:
    """Remove the runs beyond the newest ``keep``, and what has no database beside it."""
    current = (home.published / POINTER).resolve()
    for database in published_files(home)[max(keep, 1) :]:
        if database != current:
            database.unlink()
    kept = {_run_id(path) for path in published_files(home)}
    for manifest in home.published.glob("manifest-*.json"):
        if manifest.name.removeprefix("manifest-").removesuffix(".json") not in kept:
            manifest.unlink()
    for folder in home.published.glob("parquet-*"):
        if folder.name.removeprefix("parquet-") not in kept:
            shutil.rmtree(folder)

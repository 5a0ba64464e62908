"""A published file from a static host or a folder: its manifest, then its bytes, checked and kept.

A host is any folder, local or behind http, as ``push`` writes it: ``truecost-<run>.duckdb``,
``manifest-<run>.json``, and ``latest.json``, which names the newest run. Bytes of the web come
through ``capture.http``. Opening the file belongs to ``warehouse.database``.
"""

from __future__ import annotations

import fcntl
import io
import json
import os
import re
import shutil
import stat
from dataclasses import replace
from pathlib import Path
from typing import IO
from urllib.parse import urljoin, urlsplit

from pipelines.capture.http.download import download
from pipelines.capture.http.errors import FetchError
from warehouse import files
from warehouse.database import POINTER, DataFolderError, refuse_unreadable
from warehouse.parquet_export import has_bytes
from warehouse.paths import Home
from warehouse.publication import RUN_ID, Manifest, prune

LATEST = "latest.json"
MANIFEST_BYTES = 16 * 2**20
FILE_BYTES = 16 * 2**30
MANIFEST_SECONDS = 60.0
FILE_SECONDS = 3600.0
KEPT_RUNS = 3
_PUBLISHED = re.compile(rf"(?:truecost|manifest)-({RUN_ID.pattern})\.(?:duckdb|json)")
_SHA256 = re.compile(r"[0-9a-f]{64}")


class PullError(ValueError):
    """A published file that cannot be read from there; one line that says why."""


def is_address(path: object) -> bool:
    """Return whether this is an address of the web rather than a path."""
    return isinstance(path, str) and path.lower().startswith(("http://", "https://"))


def pulled(address: str, folder: Path) -> Path:
    """Return the published file of an address; one that is kept already is not read again.

    What an interrupted read left is continued.

    Parameters
    ----------
    address : str
        Of ``truecost-<run>.duckdb`` or ``manifest-<run>.json``, which lie side by side.
    folder : Path
        Where files are kept, each under its hash.

    Raises
    ------
    PullError
        If there is no such file, or its bytes are not those of its manifest.
    """
    name = urlsplit(address).path.rpartition("/")[2]
    found = _PUBLISHED.fullmatch(name)
    if found is None:
        raise PullError(
            f"{address}: give the address of truecost-<run>.duckdb or manifest-<run>.json"
        )
    return _pulled(address, found[1], folder)[0]


def pull(address: str, home: Home) -> Path:
    """Make the newest published file of a host that of a data folder; its pointer moves last.

    The three newest files are kept.

    Parameters
    ----------
    address : str
        Of the host: of the web or a folder. Or of one run, as ``pulled`` takes it.
    home : Home
        A data folder that does not build by itself.

    Returns
    -------
    Path
        The published file.

    Raises
    ------
    PullError
        If there is none, its bytes are not those of its manifest, or the data folder builds.
    """
    if home.build_database.exists():
        raise PullError(
            f"{home.root} builds from sources by itself; set TRUECOST_HOME to another folder"
        )
    name = (urlsplit(address).path if is_address(address) else address).rpartition("/")[2]
    found = _PUBLISHED.fullmatch(name)
    if found is None:
        address = address.rstrip("/") + "/"
    run_id = found[1] if found else _latest(address)
    kept, text = _pulled(address, run_id, home.root / "pulled")
    database = home.published / f"truecost-{run_id}.duckdb"
    try:
        manifest = _described(run_id, text, kept)
        home.published.mkdir(parents=True, exist_ok=True)
        files.write_text(home.published / f"manifest-{run_id}.json", manifest.text())
        if not has_bytes(database, manifest.sha256):
            files.rename(kept, database)
        files.point_link(home.published / POINTER, database.name)
        shutil.rmtree(home.root / "pulled")
        prune(home, KEPT_RUNS)
    except (ValueError, DataFolderError) as error:
        raise PullError(f"{address}: {error}") from None
    except OSError as error:
        raise PullError(f"cannot write in {home.root}: {error.strerror}") from None
    return database


def is_pulled(home: Home) -> bool:
    """Return whether what a data folder publishes came from ``pull``, not from its own landing."""
    return not (home.landing.exists() or home.build_database.exists())


def _described(run_id: str, text: bytes, kept: Path) -> Manifest:
    """Return the manifest of a run, without its Parquet files, which are not read.

    Raises
    ------
    ValueError
        If it is no manifest, or that of another run.
    DataFolderError
        If the file is not one that this version reads.
    """
    beside = kept.with_suffix(".json")
    files.write_bytes(beside, text)
    try:
        manifest = Manifest.read(beside)
    except ValueError as error:
        raise ValueError(f"its manifest is not one of truecost ({error})") from None
    if (manifest.run_id, manifest.database) != (run_id, f"truecost-{run_id}.duckdb"):
        raise ValueError("its manifest is that of another run")
    refuse_unreadable(kept)
    return replace(manifest, parts=())


def _latest(address: str) -> str:
    """Return the newest run of a host."""
    try:
        text = _small(address, LATEST)
        run_id = json.loads(text)["run_id"]
        if not RUN_ID.fullmatch(run_id):
            raise ValueError
    except FetchError as error:
        raise PullError(f"{address}{LATEST}: {error}") from None
    except (ValueError, TypeError, KeyError, RecursionError):
        raise PullError(f"{address}{LATEST} names no run of truecost") from None
    return str(run_id)


def _pulled(address: str, run_id: str, folder: Path) -> tuple[Path, bytes]:
    """Return the file of a run, kept under its hash, and the text of its manifest."""
    try:
        text = _small(address, f"manifest-{run_id}.json")
        sha256, size = _promised(address, text)
        kept = folder / f"{sha256}.duckdb"
        unfinished = folder / "unfinished"
        unfinished.mkdir(parents=True, exist_ok=True)
        part = unfinished / f"{sha256}.part"
        with files.lock_file(unfinished / "lock") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if has_bytes(kept, sha256):
                return kept, text
            with part.open("ab") as file:
                if file.tell() > size:
                    file.truncate(0)
                if file.tell() < size:
                    _read(address, f"truecost-{run_id}.duckdb", file, size, FILE_SECONDS)
                file.flush()
                os.fsync(file.fileno())
            if not has_bytes(part, sha256):
                part.unlink()
                raise PullError(f"{address}: its bytes are not those of its manifest")
            part.chmod(0o444)
            files.rename(part, kept)
    except FetchError as error:
        raise PullError(f"{address}: {error}") from None
    except OSError as error:
        raise PullError(f"cannot keep it in {folder}: {error.strerror}") from None
    return kept, text


def _small(address: str, name: str) -> bytes:
    text = io.BytesIO()
    _read(address, name, text, MANIFEST_BYTES, MANIFEST_SECONDS)
    return text.getvalue()


def _read(address: str, name: str, file: IO[bytes], most: int, seconds: float) -> None:
    """Write a file that lies beside an address into an open one, from where that ends."""
    if is_address(address):
        download(urljoin(address, name), file, max_bytes=most, seconds=seconds)
        return
    path = Path(address) / name if address.endswith("/") else Path(address).with_name(name)
    try:
        # Without waiting: a pipe would wait for who writes into it.
        source = os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb")
    except OSError as error:
        raise FetchError("http_error", f"{path}: {error.strerror}") from None
    with source:
        found = os.fstat(source.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise FetchError("http_error", f"{path} is not a file")
        if found.st_size > most:
            raise FetchError("too_large", f"more than {most:,} bytes")
        source.seek(file.tell())
        shutil.copyfileobj(source, file, files.COPY_BUFFER_BYTES)


def _promised(address: str, text: bytes) -> tuple[str, int]:
    """Return the hash and the size that a manifest states."""
    try:
        manifest = json.loads(text)
        sha256, size = manifest["sha256"], manifest["bytes"]
        if not _SHA256.fullmatch(sha256) or not 0 < size <= FILE_BYTES:
            raise ValueError
    except (ValueError, TypeError, KeyError, RecursionError):
        raise PullError(f"{address}: its manifest is not one of truecost") from None
    return sha256, size

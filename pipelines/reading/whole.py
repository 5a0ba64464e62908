"""Derived files that are whole: a damaged one counts as absent and is read again from landing.

What a file of observations must hold to be believed belongs here, and naming those that do not.
Reading the payloads again belongs to ``reader``.
"""

from __future__ import annotations

import json
import logging
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.capture.packs import Packs, content_of, damage_of
from pipelines.reading.payload import Reading
from warehouse.paths import Home

PARQUET_MARK = b"PAR1"  # at both ends of a Parquet file
PATHS = ("observation_path", "quarantine_path")
PACK_DAMAGE = (zipfile.BadZipFile, EOFError)

log = logging.getLogger(__name__)


def entry_of(path: Path) -> dict[str, Any] | None:
    """Return an entry of the ledger, or None if it is damaged; a warning names it."""
    try:
        entry: dict[str, Any] = json.loads(content_of(path))
        rows, known = entry["rows"], entry["rows_known"]
        is_whole = (
            isinstance(rows, list)
            and isinstance(known, dict)
            and all(row["capture_id"] and is_below(row.get(name)) for row in rows for name in PATHS)
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, *PACK_DAMAGE):
        is_whole = False
    if is_whole:
        return entry
    log.warning("%s is damaged and counts as absent", path)
    return None


def reading_of(path: Path) -> Reading | None:
    """Return what a parser made of a payload, or None if the file is missing or damaged."""
    try:
        reading = Reading(**json.loads(content_of(path)))
        paths = [*reading.files.values(), reading.quarantine_path]
        is_whole = reading.kept >= 0 and all(map(is_below, paths))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, AttributeError, RecursionError, *PACK_DAMAGE):
        is_whole = False
    if is_whole:
        return reading
    log.warning("%s is damaged and counts as absent", path)
    return None


def is_below(path: str | None) -> bool:
    """Return whether a path of a derived file stays in the data folder; none does.

    Examples
    --------
    >>> is_below("observations/acme/x.parquet"), is_below("../x"), is_below("/x"), is_below(None)
    (True, False, False, True)
    """
    return path is None or (path[:1] != "/" and ".." not in PurePosixPath(path).parts)


def is_whole_parquet(path: Path) -> bool:
    """Return whether a Parquet file exists and was not cut."""
    try:
        with path.open("rb") as file:
            first = file.read(len(PARQUET_MARK))
            file.seek(-len(PARQUET_MARK), 2)
            return first == PARQUET_MARK == file.read()
    except OSError:
        return False


def has_readings(home: Home) -> bool:
    """Return whether the answer of a source was ever read."""
    loose = home.observations.glob("[!.]*/*/*.parquet")
    return any(loose) or any(home.observations.glob("[!.]*/*.zip"))


def damaged(home: Home) -> Iterator[str]:
    """Yield the derived files that cannot be read; all can be made again from landing."""
    for path in sorted(home.observations.glob("[!.]*/*/*")):
        name = path.relative_to(home.root).as_posix()
        if path.name.endswith(".ledger.json"):
            is_whole = entry_of(path) is not None
        elif path.suffix == ".json":
            is_whole = reading_of(path) is not None
        elif path.suffix == ".parquet":
            try:
                pq.read_metadata(path)
                is_whole = True
            except (OSError, pa.ArrowException):
                is_whole = False
        else:
            continue
        if not is_whole:
            yield f"{name} is damaged: the next run reads it again from landing"
    packs = Packs(home.observations)
    for folder in sorted(home.observations.glob("[!.]*")):
        for path in packs.paths(folder.name):
            if damage := damage_of(path):
                name = path.relative_to(home.root).as_posix()
                yield f"{name} is damaged ({damage}): what is lost is read again from landing"

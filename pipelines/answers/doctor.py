"""What this machine and its data folder offer Truecost, and what is missing.

Looking is all that happens here: nothing is opened for writing, created or repaired. Hashes of
payloads and published files are checked by ``answers.verify``.
"""

from __future__ import annotations

import os
import platform
import resource
import shutil
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import duckdb

from pipelines.capture.landing import Landing
from pipelines.child.limits import LimitError, Limits, limits_lacking
from pipelines.child.process import BoundedChild
from pipelines.reading.ledger import pending_captures
from pipelines.reading.reader import LIMIT
from warehouse.database import POINTER
from warehouse.paths import DEFAULT_ROOT, HOME_VARIABLE, IS_CHECKOUT, Home

LEAST_PYTHON = (3, 11, 5)  # soupsieve, which beautifulsoup4 needs, asks for it
DUCKDB_VERSIONS = "1.5."
LEAST_FREE_BYTES = 2**30
BUILDS_FREE = 3  # a run writes a new build, a published copy and Parquet files
LEAST_FREE_FILES = 10_000
LEAST_OPEN_FILES = 256
CLOCK_TOLERANCE = timedelta(days=1)  # of captures that are dated after now


class Finding(NamedTuple):
    """One thing that was looked at."""

    name: str
    value: str
    problem: str | None  # and the way out; null where all is well


def findings(home: Home, now: datetime) -> list[Finding]:
    """Return what was found, in a fixed order.

    Parameters
    ----------
    home : Home
        The data folder; it need not exist.
    now : datetime
        The clock, UTC.
    """
    folder = _nearest(home.root)
    looked: list[Callable[[], Finding]] = [
        _python,
        lambda: _duckdb(duckdb.__version__),
        _limits,
        _child,
        _open_files,
        lambda: _disk(home, shutil.disk_usage(folder).free),
        lambda: _files(folder),
        lambda: _clock(home, now),
        lambda: _home(home),
        lambda: _chosen(home),
        lambda: _published(home),
        lambda: _pending(home),
        lambda: _refused(home),
    ]
    return [look() for look in looked]


def watched(home: Home, now: datetime) -> list[Finding]:
    """Return what of it changes while nobody looks: the disk and the clock."""
    folder = _nearest(home.root)
    return [_disk(home, shutil.disk_usage(folder).free), _files(folder), _clock(home, now)]


def _python() -> Finding:
    problem = None if sys.version_info >= LEAST_PYTHON else "Truecost needs Python 3.11.5 or newer"
    return Finding("python", platform.python_version(), problem)


def _duckdb(found: str) -> Finding:
    is_known = found.startswith(DUCKDB_VERSIONS)
    problem = None if is_known else f"install DuckDB {DUCKDB_VERSIONS}x, whose files this one reads"
    return Finding("duckdb", found, problem)


def _limits() -> Finding:
    lacking = limits_lacking()
    problem = "parsers of strangers' bytes run without it: use Linux" if lacking else None
    return Finding("limits lacking", ", ".join(lacking) or "none", problem)


def _child() -> Finding:
    try:
        with BoundedChild() as child:
            child.call(Limits(memory_bytes=2**26, wall_seconds=30), abs, -1)
    except (LimitError, OSError) as error:
        return Finding("child process", "fails", f"{error}; payloads cannot be parsed")
    return Finding("child process", "works", None)


def _open_files() -> Finding:
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    is_few = soft != resource.RLIM_INFINITY and soft < LEAST_OPEN_FILES
    problem = f"raise it: ulimit -n {LEAST_OPEN_FILES}" if is_few else None
    return Finding("open files allowed", str(soft), problem)


def _disk(home: Home, free: int) -> Finding:
    build = home.build_database.stat().st_size if home.build_database.is_file() else 0
    needed = max(LEAST_FREE_BYTES, BUILDS_FREE * build)
    problem = None if free >= needed else f"a run needs {needed / 2**30:.1f} GiB: free some"
    return Finding("disk free", f"{free / 2**30:.1f} GiB", problem)


def _files(folder: Path) -> Finding:
    status = os.statvfs(folder)
    if not status.f_files:
        return Finding("files left", "no fixed number", None)
    is_few = status.f_favail < LEAST_FREE_FILES
    problem = f"a year of runs needs some 100,000: under {LEAST_FREE_FILES:,} are left"
    return Finding("files left", f"{status.f_favail:,}", problem if is_few else None)


def _clock(home: Home, now: datetime) -> Finding:
    landing, latest = Landing(home), (now + CLOCK_TOLERANCE).date().isoformat()
    last = (ids[-1] for name in landing.sources() if (ids := landing.capture_ids(name)))
    ahead = sorted(name for name in last if name.split("/")[1] > latest)
    problem = f"{ahead[0]} was captured after now: set the clock" if ahead else None
    return Finding("clock", f"{now:%Y-%m-%d %H:%M}Z", problem)


def _home(home: Home) -> Finding:
    root = home.root
    if not root.exists():
        is_possible = os.access(_nearest(root), os.W_OK)
        problem = None if is_possible else "it cannot be created there: set TRUECOST_HOME"
        return Finding("home", f"{root} (not there yet)", problem)
    if not root.is_dir() or not os.access(root, os.W_OK | os.X_OK):
        return Finding("home", str(root), "it is no folder that we may write: set TRUECOST_HOME")
    is_open = root.stat().st_mode & 0o002
    problem = f"every user may write there: chmod 0700 {root}" if is_open else None
    return Finding("home", str(root), problem)


def _chosen(home: Home) -> Finding:
    """Say why it is this folder."""
    by = "the checkout" if IS_CHECKOUT else "the package: a folder of this user"
    return Finding("home chosen by", by if home.root == DEFAULT_ROOT else HOME_VARIABLE, None)


def _published(home: Home) -> Finding:
    pointer = home.published / POINTER
    if not pointer.is_symlink() and not pointer.exists():
        return Finding("published", "nothing yet: truecost run", None)
    problem = None if pointer.exists() else "the file is gone: truecost restore"
    return Finding("published", pointer.resolve().name, problem)


def _pending(home: Home) -> Finding:
    try:
        count = len(pending_captures(home, Landing(home).sources()))
    except (OSError, ValueError) as error:
        return Finding("captures not parsed", "unknown", f"{error}: truecost verify")
    return Finding("captures not parsed", f"{count}: truecost run" if count else "0", None)


def _refused(home: Home) -> Finding:
    """Name the payloads on which a parser passed a limit: it will not try them again."""
    found = sorted(home.observations.glob(f"[!.]*/*/*{LIMIT}"))
    names = [f"{path.parent.parent.name} {path.name[:12]}" for path in found]
    return Finding("payloads over a limit", ", ".join(names[-3:]) or "none", None)


def _nearest(path: Path) -> Path:
    """Return a path, or the nearest folder above it that is there."""
    return next(folder for folder in (path, *path.parents) if folder.exists())

"""The arguments that commands share: a mirror, names of sources, a data folder.

A bad argument is refused before anything is written, so a refused command changes nothing.
Imports of sources and of the HTTP client are inside functions: most commands need neither.
"""

from __future__ import annotations

import difflib
import os
import tempfile
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import click

from pipelines.capture import MIRROR_VARIABLE
from pipelines.commands import Refused
from warehouse.database import (
    POINTER,
    Connection,
    DataFolderError,
    open_build,
    open_published,
    wait_for,
)
from warehouse.files import private_folder
from warehouse.models import table_exists
from warehouse.paths import Home
from warehouse.reports import run_report

CONNECT_SECONDS = 5.0
LONGEST_ROOT_BYTES = 400  # SQLite, which keeps Dagster's state, opens no path over 512
LEAST_FREE_BYTES = 32 * 2**20
LEAST_FREE_FILES = 500
BUILD_COPIES = 3  # its log, its copy while publishing, and the published file
FIRST_BUILD_BYTES = 56 * 2**20  # of the bundled snapshot
LARGEST = 2**31 - 1  # of a whole number
EARLIEST_CLOCK = datetime(2026, 1, 1, tzinfo=UTC)  # this code is younger


class Renamed(click.Option):
    """An option that still answers to its former names, which help and messages do not show.

    A former name is kept for one version. ``docs/names.md`` lists them.

    Parameters
    ----------
    declarations : sequence of str
        The names of today, as for ``click.option``.
    formerly : sequence of str
        The names of the version before.
    **attributes
        As for ``click.Option``.
    """

    def __init__(
        self, declarations: Sequence[str], *, formerly: Sequence[str] = (), **attributes: Any
    ) -> None:
        super().__init__(declarations, **attributes)
        self.formerly = list(formerly)

    def add_to_parser(self, parser: Any, ctx: click.Context) -> None:
        """Teach the parser all names; the option itself keeps those of today."""
        today = self.opts
        self.opts = [*today, *self.formerly]
        try:
            super().add_to_parser(parser, ctx)
        finally:
            self.opts = today


class AtLeast(click.IntRange):
    """Whole numbers from a least one on, as far as a column of a table holds them.

    Examples
    --------
    >>> AtLeast(1).convert("8", None, None)
    8
    >>> AtLeast(1).convert("99999999999999999999", None, None)
    Traceback (most recent call last):
    ...
    click.exceptions.BadParameter: 99999999999999999999 is too large.
    """

    def __init__(self, least: int) -> None:
        super().__init__(least)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number, or fail."""
        number = int(super().convert(value, param, ctx))
        if number > LARGEST:
            self.fail(f"{number} is too large.", param, ctx)
        return number


class FiniteRange(click.FloatRange):
    """A range of numbers that refuses NaN, which no bound refuses."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the number, or fail."""
        number: float = super().convert(value, param, ctx)
        if number != number:
            self.fail(f"{value!r} is not a number", param, ctx)
        return number


def is_typed(*names: str) -> bool:
    """Return whether one of these parameters of the running command was typed, not a default."""
    context = click.get_current_context()
    typed = click.core.ParameterSource.COMMANDLINE
    return any(context.get_parameter_source(name) is typed for name in names)


def answering_mirror(given: str | None) -> str | None:
    """Return the mirror given, or that of the environment, if it accepts a connection.

    Raises
    ------
    Refused
        If it is not an address, or nothing answers there: every source would fail.
    """
    mirror = given or os.environ.get(MIRROR_VARIABLE)
    if not mirror:
        return None
    try:
        parts = urlsplit(mirror)
        host, port = parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:  # a port that is not a number
        host = None
    if not host or parts.scheme not in ("http", "https"):
        raise Refused(
            f"--mirror {mirror!r} is not an address; give http://HOST:PORT or https://HOST"
        )
    from pipelines.capture.http.direct import probe

    try:
        probe(host, port, CONNECT_SECONDS)
    except OSError as error:
        reason = error.strerror or "no answer"
        raise Refused(f"--mirror: cannot connect to {host} port {port}: {reason}") from error
    return mirror


def known_sources(asked: Iterable[str]) -> None:
    """Refuse an unknown source in one line that lists the known ones."""
    asked = list(asked)
    if not asked:
        return
    from pipelines.sources import all_sources

    known = list(all_sources())
    for name in asked:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=3, cutoff=0.7)
            hint = f"did you mean {' or '.join(near)}? " if near else ""
            raise Refused(f"unknown source {name!r}; {hint}there are: {', '.join(known)}")


def usable_home(now: datetime | None = None, *, is_built: bool = True) -> Home:
    """Return the data folder, if a run may write there at this time.

    Waits for another writer, as a build does.

    Parameters
    ----------
    now : datetime, optional
        The clock of the run (UTC), if it is not the real one. It must not run backwards, because
        what was known must not change.
    is_built : bool
        Whether the build file will be written.

    Raises
    ------
    Refused
        If the folder cannot be written, the build file is held by another process or is of a
        newer truecost or DuckDB, or the clock is before the last build.
    """
    if now is None and datetime.now(UTC) < EARLIEST_CLOCK:
        raise Refused(
            f"the clock of this machine says {datetime.now(UTC):%Y-%m-%d}, and prices are filed by"
            " it: set it, or give --now"
        )
    home = Home.from_environment()
    refuse_long_root(home)
    try:
        private_folder(home.root)
        refuse_small_disk(home, is_built=is_built)
        tempfile.TemporaryFile(dir=home.root).close()
    except OSError as error:
        raise Refused(f"cannot write in {home.root}: {error.strerror}") from error
    last = None
    try:
        if is_built:
            wait_for(home, "build")
        if is_built and home.build_database.exists():
            with open_build(home) as connection:
                last = last_clock(connection)
        elif now is not None and home.published.joinpath(POINTER).exists():
            with open_published(home) as connection:
                last = last_clock(connection)
    except DataFolderError as error:
        raise Refused(str(error)) from error
    if last is None or (now or datetime.now(UTC)) >= last:
        return home
    before = f"before the last run of this data folder ({last:%Y-%m-%dT%H:%M:%SZ})"
    if now is None:
        click.echo(f"truecost: the clock of this machine is {before}; is it right?", err=True)
        return home
    raise Refused(
        f"--now {now:%Y-%m-%dT%H:%M:%SZ} is {before}; to run through past days, set"
        " TRUECOST_HOME to a new folder"
    )


def refuse_long_root(home: Home) -> None:
    """Refuse a data folder whose name leaves too little for the names of files in it."""
    length = len(os.fsencode(home.root))
    if length > LONGEST_ROOT_BYTES:
        raise Refused(
            f"the path of the data folder has {length} bytes; {LONGEST_ROOT_BYTES} are allowed:"
            " set TRUECOST_HOME to a shorter one"
        )


def refuse_small_disk(home: Home, *, is_built: bool) -> None:
    """Refuse to begin what the disk has no room to end."""
    disk = os.statvfs(home.root)
    build = home.build_database
    build_bytes = build.stat().st_size if build.exists() else FIRST_BUILD_BYTES
    needed = LEAST_FREE_BYTES + (BUILD_COPIES * build_bytes if is_built else 0)
    free = disk.f_bavail * disk.f_frsize
    way_out = "free some, or set TRUECOST_HOME to a folder on another disk"
    if free < needed:
        raise Refused(
            f"the disk of {home.root} has {free / 2**20:,.0f} MiB free, and a run may need"
            f" {needed / 2**20:,.0f} MiB: {way_out}"
        )
    if disk.f_files > 0 and disk.f_favail < LEAST_FREE_FILES:
        raise Refused(
            f"the disk of {home.root} has room for {disk.f_favail} more files, and a run may need"
            f" {LEAST_FREE_FILES}: {way_out}"
        )


def last_clock(connection: Connection) -> datetime | None:
    """Return the clock of the last build, UTC."""
    if not table_exists(connection, "staged.build_clock"):
        return None
    [(now_at, _)] = run_report(connection, "clock").rows
    return None if now_at is None else datetime.combine(now_at.date(), now_at.time(), UTC)

"""What commands are given: a mirror, names of sources, a data folder. What is bad is refused.

Each check is made before anything is written, so that a refused command changes nothing.
"""

from __future__ import annotations

import difflib
import os
import socket
import tempfile
from collections.abc import Iterable
from datetime import UTC, datetime
from urllib.parse import urlsplit

import click
import duckdb

from pipelines.commands import Refused
from warehouse.database import POINTER, DataFolderError, open_build, open_published, wait_for
from warehouse.models import table_exists
from warehouse.paths import Home

MIRROR_VARIABLE = "TRUECOST_MIRROR"
CONNECT_SECONDS = 5.0


class FiniteRange(click.FloatRange):
    """A range of numbers without NaN, which is neither below nor above anything."""

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the number, or fail."""
        number: float = super().convert(value, param, ctx)
        if number != number:
            self.fail(f"{value!r} is no number", param, ctx)
        return number


def answering_mirror(given: str | None) -> str | None:
    """Return the mirror that was given, or that of the environment, if it takes a connection.

    Raises
    ------
    Refused
        If it is no address, or nothing answers there: every source would fail.
    """
    mirror = given or os.environ.get(MIRROR_VARIABLE)
    if not mirror:
        return None
    try:
        parts = urlsplit(mirror)
        host, port = parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:  # a port that is no number
        host = None
    if not host or parts.scheme not in ("http", "https"):
        raise Refused(f"--mirror {mirror!r} is no address; give http://HOST:PORT or https://HOST")
    try:
        socket.create_connection((host, port), CONNECT_SECONDS).close()
    except OSError as error:
        reason = error.strerror or "no answer"
        raise Refused(f"--mirror: cannot connect to {host} port {port}: {reason}") from error
    return mirror


def known_sources(asked: Iterable[str]) -> None:
    """Refuse a source that does not exist, in one line that says which do."""
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
        The clock of the run (UTC) where it is not the real one: it must not run backwards, for
        what was known must not change.
    is_built : bool
        Whether the build file will be written.

    Raises
    ------
    Refused
        If the folder cannot be written, the build file is held by another process or is of a
        newer truecost or DuckDB, or the clock is before the last build.
    """
    home = Home.from_environment()
    try:
        home.root.mkdir(parents=True, exist_ok=True)
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
        f"--now {now:%Y-%m-%dT%H:%M:%SZ} is {before}; to live through the past, set"
        " TRUECOST_HOME to a new folder"
    )


def last_clock(connection: duckdb.DuckDBPyConnection) -> datetime | None:
    """Return the clock of the last build, UTC."""
    if not table_exists(connection, "staged.build_clock"):
        return None
    [(now_at,)] = connection.execute("select now_at from staged.build_clock").fetchall()
    return now_at.replace(tzinfo=UTC)

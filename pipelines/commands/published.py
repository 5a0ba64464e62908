"""What the answering commands share: the published file, and refusals that say what exists."""

from __future__ import annotations

import difflib
import functools
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any

import click
import duckdb

from pipelines.commands import Refused
from pipelines.past import Past, open_past
from warehouse.database import (
    DataFolderError,
    PublishedDamagedError,
    confined,
    is_damage,
    open_published,
)
from warehouse.paths import Home


@contextmanager
def published(
    past: Past | None = None, *, is_confined: bool = False
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the published file of this home, or refuse in one line with the way out.

    Parameters
    ----------
    past : Past, optional
        The past moment to open it at; as it stands, where not given.
    is_confined : bool
        Whether queries are kept from files and settings of the machine (for foreign SQL).
    """
    home = Home.from_environment()
    with refusing_damage(home), open_published(home) as connection:
        if past is None:
            yield confined(connection) if is_confined else connection
            return
        refuse_future(connection, past)
        with open_past(connection, past) as earlier:
            if clock(earlier) is None:
                [(first, known)] = connection.execute(
                    "select min(valid_at), min(recorded_at) from core.offer_capture"
                ).fetchall()
                raise Refused(
                    f"nothing is known {past}: the first capture is of {first:%Y-%m-%d %H:%M}Z,"
                    f" known since {known:%Y-%m-%d %H:%M}Z"
                    if first
                    else f"nothing is known {past}: no source has answered yet"
                )
            yield confined(earlier) if is_confined else earlier


@contextmanager
def refusing_damage(home: Home) -> Iterator[None]:
    """Turn a published file that cannot be opened or read into one line with the way out."""
    try:
        yield
    except DataFolderError as error:
        raise Refused(str(error)) from error
    except duckdb.Error as error:
        if not is_damage(error):
            raise
        raise Refused(str(PublishedDamagedError(home, error))) from error


def clock(connection: duckdb.DuckDBPyConnection) -> datetime | None:
    """Return the moment whose prices a published file, or a past of it, shows. [UTC]."""
    found = connection.execute("select max(now_at) from staged.build_clock").fetchall()
    return found[0][0] if found else None


def moment(connection: duckdb.DuckDBPyConnection, past: Past | None = None) -> str:
    """Return for a title which moment an answer is of."""
    at = clock(connection)
    known = f", as known on {past.known_on}" if past and past.known_on else ""
    return f"as of {at:%Y-%m-%d %H:%M}Z{known}" if at else ""


def refuse_future(connection: duckdb.DuckDBPyConnection, past: Past) -> None:
    """Refuse a moment that has not come."""
    now = datetime.now(UTC).replace(tzinfo=None)
    now = max(now, clock(connection) or now)
    for option, asked in (("--as-of", past.as_of), ("--known-on", past.known_on)):
        is_instant = isinstance(asked, datetime)
        if asked is not None and asked > (now if is_instant else now.date()):
            raise Refused(f"{option} {asked} is in the future; give a past day")


def past_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--as-of`` and ``--known-on`` to a command, which gets them as ``past``."""

    @click.option(
        "--as-of",
        metavar="DAY",
        help="As of the end of this day (YYYY-MM-DD), or of an instant in ISO 8601.",
    )
    @click.option(
        "--known-on", metavar="DAY", help="With --as-of: only what was known by then. Default: now."
    )
    @functools.wraps(command)
    def asked(*args: Any, as_of: str | None, known_on: str | None, **options: Any) -> Any:
        return command(*args, past=past_of(as_of, known_on), **options)

    return asked


def past_of(as_of: str | None, known_on: str | None) -> Past | None:
    """Return the past that two options name, if any, or refuse them in one line.

    Examples
    --------
    >>> str(past_of("2026-08-10", "2026-08-11T06:30:00+02:00"))
    'as of 2026-08-10, as known on 2026-08-11 04:30:00'
    """
    if as_of is None:
        if known_on is not None:
            raise Refused("--known-on needs --as-of: the day that is asked for")
        return None
    return Past(moment_of(as_of, "--as-of"), known_on and moment_of(known_on, "--known-on"))


def moment_of(text: str, what: str) -> date:
    """Return a day or an instant [UTC], or refuse it in one line.

    Examples
    --------
    >>> moment_of("2026-08-10", "--as-of"), moment_of("2026-08-10T06:30:00Z", "--as-of")
    (datetime.date(2026, 8, 10), datetime.datetime(2026, 8, 10, 6, 30))
    """
    try:
        if len(text) == 10:
            return date.fromisoformat(text)
        at = datetime.fromisoformat(text)
        return (at.astimezone(UTC) if at.tzinfo else at).replace(tzinfo=None)
    except (ValueError, OverflowError) as error:
        raise Refused(f"{what} {text!r} is no time; give YYYY-MM-DD or ISO 8601") from error


def refuse_duckdb(error: duckdb.Error, connection: duckdb.DuckDBPyConnection) -> Refused:
    """Return a one-line refusal for a query that DuckDB refused."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    message = lines[0] if lines else type(error).__name__
    if isinstance(error, duckdb.CatalogException) and "Table with name" in message:
        tables = connection.execute(
            "select table_schema || '.' || table_name from information_schema.tables"
            " where table_schema in ('core', 'marts', 'focus', 'meta') order by 1"
        ).fetchall()
        message += "; there are: " + ", ".join(name for (name,) in tables)
    return Refused(message)


def one_of(what: str, asked: str, known: Iterable[str]) -> str:
    """Return the known name that was meant, whatever its case; refuse an unknown one.

    Raises
    ------
    Refused
        If no name, or more than one, is meant; the line names the nearest.

    Examples
    --------
    >>> one_of("GPU", "h100-sxm", ["H100-SXM-80GB", "H100-PCIE-80GB"])
    'H100-SXM-80GB'
    """
    names = sorted(set(known))
    folded = {fold(name): name for name in names}
    if fold(asked) in folded:
        return folded[fold(asked)]
    starting = [name for key, name in folded.items() if key.startswith(fold(asked)) and asked]
    if len(starting) == 1:
        return starting[0]
    if starting:
        raise Refused(f"{what} {asked!r} is not one thing: {', '.join(sorted(starting))}")
    near = difflib.get_close_matches(fold(asked), folded, n=5, cutoff=0.4)
    hint = ", ".join(folded[key] for key in near) if near else ", ".join(names[:12])
    more = "" if near or len(names) <= 12 else f" and {len(names) - 12} more"
    raise Refused(
        f"unknown {what} {asked!r}; {'did you mean' if near else 'there are'}: {hint}{more}"
    )


def fold(name: str) -> str:
    """Return a name without case, spaces and punctuation, for comparing what people type."""
    return re.sub(r"[^a-z0-9]", "", name.lower())

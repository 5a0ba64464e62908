"""Opening the published file for a command, now or as of a past, and refusing in one line.

The options ``--as-of`` and ``--known-on``, and finding the name that was meant, belong here too.
Nothing is computed here.
"""

from __future__ import annotations

import difflib
import functools
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from pipelines.answers.as_of import Past, open_past
from pipelines.answers.moment import Moment, moment_of
from pipelines.commands import Refused
from pipelines.commands.answer import format_option, tell_moment
from pipelines.commands.currency import currency_option, find_rate
from pipelines.commands.handover import home_asked
from pipelines.commands.moments import moment_options
from pipelines.commands.prices import own_prices, prices_option
from pipelines.text import single_spaced
from warehouse.confinement import Limits
from warehouse.database import (
    BinderError,
    CatalogError,
    Connection,
    DatabaseError,
    DataFolderError,
    OutOfMemoryError,
    PublishedDamagedError,
    is_damage,
    open_published,
)
from warehouse.paths import Home
from warehouse.reference import Documents, ReferenceError, bundled
from warehouse.reports import run_report


@contextmanager
def published(
    past: Past | None = None,
    *,
    home: Home | None = None,
    limits: Limits | None = None,
    folders: Iterable[Path] = (),
    is_dated: bool = True,
) -> Iterator[Connection]:
    """Open the published file of this data folder, or refuse in one line that says what helps.

    Parameters
    ----------
    past : Past, optional
        The past moment to open it at; now, if not given.
    home : Home, optional
        Its data folder; the one that the command reads, if not given.
    limits : Limits, optional
        What queries on it may use, if they are foreign.
    folders : iterable of Path
        Whose files queries on it may read and write.
    is_dated : bool
        Whether what the command prints says as of which moment it answers.
    """
    home = home or home_asked()
    with refusing_damage(home), open_published(home, limits, folders=folders) as connection:
        if past is None:
            told = moment_asked(connection) if is_dated else None
            tell_moment(told)
            find_rate(connection, told_at(told).date())
            with own_prices(connection, told_at(told), is_past=False) as priced:
                yield priced
            return
        refuse_future(connection, past)
        with ExitStack() as opened:
            try:
                earlier = opened.enter_context(open_past(connection, past))
            except DatabaseError as error:
                if is_damage(error) or isinstance(error, OutOfMemoryError):
                    raise
                raise Refused(
                    "the published file was made by another version of truecost, which cannot show"
                    f" it {past}: truecost run makes it again ({single_spaced(error)[:120]})"
                ) from error
            if clock(earlier) is None:
                [(first, known)] = run_report(connection, "first_capture").rows
                raise Refused(
                    f"nothing is known {past}: the first capture is of {first:%Y-%m-%d %H:%M}Z,"
                    f" known since {known:%Y-%m-%d %H:%M}Z"
                    if first
                    else f"nothing is known {past}: no source has answered yet"
                )
            told = moment_asked(earlier, past) if is_dated else None
            tell_moment(told)
            find_rate(earlier, told_at(told).date())
            yield opened.enter_context(own_prices(earlier, told_at(told), is_past=True))


def told_at(told: Moment | None) -> datetime:
    """Return the moment of an answer: of its prices, else now. [UTC, without a zone]."""
    return told.prices_at if told else datetime.now(UTC).replace(tzinfo=None)


@contextmanager
def refusing_damage(home: Home) -> Iterator[None]:
    """Turn a published file that cannot be opened or read into one line that says what helps."""
    try:
        yield
    except (DataFolderError, ReferenceError) as error:
        raise Refused(str(error)) from error
    except (CatalogError, BinderError) as error:
        raise made_elsewhere(error) from error
    except DatabaseError as error:
        if not is_damage(error):
            raise
        raise Refused(str(PublishedDamagedError(home, error))) from error


def documents_of(connection: Connection | None) -> Documents:
    """Return the reference documents of a published file; without one, those of this package."""
    return bundled() if connection is None else Documents.of_published(connection)


def clock(connection: Connection) -> datetime | None:
    """Return the moment whose prices a published file, or a past of it, shows. [UTC]."""
    now_at: datetime | None
    [(now_at, _)] = run_report(connection, "clock").rows
    return now_at


def moment_asked(connection: Connection, past: Past | None = None) -> Moment | None:
    """Return the moment that a published file answers as of, or refuse a file without one."""
    try:
        return moment_of(connection, past)
    except (CatalogError, BinderError) as error:
        raise made_elsewhere(error) from error


def made_elsewhere(error: DatabaseError) -> Refused:
    """Return the refusal of a file that lacks a table, column or macro of this version."""
    return Refused(
        "the published file was made by another version of truecost: truecost run makes it again"
        f" ({single_spaced(error)[:120]})"
    )


def moment(connection: Connection, past: Past | None = None) -> str:
    """Return the moment of an answer, for its title."""
    told = moment_asked(connection, past)
    known = f", as known on {past.known_on}" if past and past.known_on else ""
    return f"as of {told.prices_at:%Y-%m-%d %H:%M}Z{known}" if told else ""


def refuse_future(connection: Connection, past: Past) -> None:
    """Refuse a moment in the future."""
    now = datetime.now(UTC).replace(tzinfo=None)
    now = max(now, clock(connection) or now)
    for option, asked in (("--as-of", past.as_of), ("--known-on", past.known_on)):
        is_instant = isinstance(asked, datetime)
        if asked is not None and asked > (now if is_instant else now.date()):
            raise Refused(f"{option} {asked} is in the future; give a past day")


def past_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--as-of`` and ``--known-on`` to a command, which gets them as ``past``."""

    @moment_options
    @functools.wraps(command)
    def asked(*args: Any, as_of: str | None, known_on: str | None, **options: Any) -> Any:
        return command(*args, past=past_of(as_of, known_on), **options)

    return asked


def answer_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add what every answer with a price takes: currency, price book, past and format."""
    return currency_option(prices_option(past_options(format_option(command))))


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
    return Past(
        asked_moment(as_of, "--as-of"), asked_moment(known_on, "--known-on") if known_on else None
    )


def asked_moment(text: str, what: str) -> date:
    """Return a day or an instant [UTC], or refuse it in one line.

    Examples
    --------
    >>> asked_moment("2026-08-10", "--as-of"), asked_moment("2026-08-10T06:30:00Z", "--as-of")
    (datetime.date(2026, 8, 10), datetime.datetime(2026, 8, 10, 6, 30))
    """
    try:
        if len(text) == 10:
            return date.fromisoformat(text)
        at = datetime.fromisoformat(text)
        return (at.astimezone(UTC) if at.tzinfo else at).replace(tzinfo=None)
    except (ValueError, OverflowError) as error:
        raise Refused(f"{what} {text!r} is not a time; give YYYY-MM-DD or ISO 8601") from error


def refuse_duckdb(error: DatabaseError, connection: Connection) -> Refused:
    """Return a one-line refusal for a query that DuckDB refused."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    message = lines[0] if lines else type(error).__name__
    if isinstance(error, CatalogError) and "Table with name" in message:
        tables = run_report(connection, "tables").rows
        message += "; there are: " + ", ".join(name for (name,) in tables)
    return Refused(message)


def one_of(what: str, asked: str, known: Iterable[str]) -> str:
    """Return the known name that was meant, in any case and punctuation; refuse an unknown one.

    Raises
    ------
    Refused
        If no name, or more than one, fits; the line lists the nearest.

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
    # Print a short list in full: the closest spelling may not be the name that was meant.
    is_short = len(names) <= 6
    near = [] if is_short else difflib.get_close_matches(fold(asked), folded, n=5, cutoff=0.4)
    hint = ", ".join(folded[key] for key in near) if near else ", ".join(names[:12])
    more = "" if near or len(names) <= 12 else f" and {len(names) - 12} more"
    raise Refused(
        f"unknown {what} {asked!r}; {'did you mean' if near else 'there are'}: {hint}{more}"
    )


def gpu_meant(known: Connection | Documents, asked: str, *, is_exact: bool = False) -> str:
    """Return the id of the accelerator that was meant, as ``answers.gpu_named`` finds it.

    Raises
    ------
    Refused
        If no card, or more than one, is meant; the line lists them.
    """
    from pipelines.answers.gpu_named import GpuUnclearError, gpu_named

    try:
        return gpu_named(known, asked, is_exact=is_exact)
    except GpuUnclearError as error:
        raise Refused(str(error)) from error


def fold(name: str) -> str:
    """Return a name without case, spaces and punctuation, for comparing what people type."""
    return re.sub(r"[^a-z0-9]", "", name.lower())

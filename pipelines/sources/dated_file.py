"""Reading of files that hold their own history: one address, many days.

A parser of such a file gets the key of the request for the newest day, and ``<key>@<part>`` for
the part of an instant of the past. ``Source.past`` names the function that lists the parts.
Recording one capture an instant belongs to ``pipelines.capture.backfill``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from pipelines.sources.base import Moment, ParseError, Payload
from pipelines.sources.documents import csv_records

ANOTHER_TIME = "of another time"  # why most lines of a file with its own history are out of scope


def part_of(payload: Payload) -> str | None:
    """Return the part that is asked for, or None where the whole file is.

    Examples
    --------
    >>> from dataclasses import replace
    >>> whole = Payload(source_id="s", key="prices", url="", content=b"", sha256="",
    ...                 seen_at=datetime(2026, 1, 1, tzinfo=UTC))
    >>> part_of(whole), part_of(replace(whole, key="prices@2026-01-01"))
    (None, '2026-01-01')
    """
    _, at, part = payload.key.partition("@")
    return part if at else None


def dated_rows(payload: Payload, needed: Sequence[str], prefix: str = "") -> list[dict[str, str]]:
    """Return the records of a CSV file whose lines start with ``prefix``.

    Raises
    ------
    ParseError
        If a needed column is not in the header, or there is no record.
    """
    rows = list(csv_records(payload, needed, prefix))
    if not rows:
        raise ParseError(f"{payload.where()}: no row of {prefix or 'any day'}")
    return rows


def utc(text: str) -> datetime:
    """Return an ISO 8601 time; one without a zone is UTC.

    Raises
    ------
    ParseError
        If it is none: a row without a time belongs to no part and would be lost unseen.

    Examples
    --------
    >>> utc("2026-03-11 04:17:38").isoformat()
    '2026-03-11T04:17:38+00:00'
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ParseError(f"{text[:40]!r} is not a time; did the layout change?") from error
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def last_of_each_day(times: Mapping[str, datetime], scope: str) -> Iterator[Moment]:
    """Yield the last instant of every UTC day, oldest first; ``times`` maps a part to its time."""
    last: dict[object, tuple[datetime, str]] = {}
    for part, at in times.items():
        day = at.date()
        last[day] = max(last.get(day, (at, part)), (at, part))
    for at, part in sorted(last.values()):
        yield Moment(part=part, scope=scope, at=at)

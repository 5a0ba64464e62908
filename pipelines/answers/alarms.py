"""What needs someone: sources that are down or other than before, old prices, a full disk.

Looking belongs here; who hears of it, and when again, to ``alarm_notices``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import duckdb

from pipelines.answers.doctor import watched
from pipelines.answers.moment import moment_of
from pipelines.answers.status import published_at, status
from pipelines.sources import all_sources
from pipelines.sources.base import Source
from pipelines.text import one_line
from warehouse.database import DataFolderError, open_published
from warehouse.paths import Home
from warehouse.reports import run_report

RHYTHM = timedelta(hours=24)
"""The capture and the build that run by themselves: once a day. [h]"""

MISSED_ANSWERS = 2
"""A source is down after so many of its rhythms without a good answer. [1]"""

PUBLISHED_FOR = RHYTHM + timedelta(hours=6)
"""A published file that is older has missed a build. [h]"""

LONGEST_WHAT = 300  # characters of the line

GROWTH_OF_HELD = 2.0
"""Held rows have grown if an answer has so many times those of any of two weeks before. [1]"""

LEAST_MORE_HELD = 20
"""And so many more. [rows]"""

KINDS = ("source", "quarantine", "published", "run", "machine")
"""What can go wrong; the first word of each key."""


@dataclass(frozen=True)
class Alarm:
    """Something that needs someone.

    Parameters
    ----------
    key : str
        Its kind and subject: the same for as long as it lasts.
    what : str
        What is wrong.
    since : datetime or None
        Since when, where that is known. [UTC, without a zone]
    works : str
        What still works.
    command : str
        The command to look closer.
    """

    key: str
    what: str
    since: datetime | None
    works: str
    command: str

    @property
    def line(self) -> str:
        """Return it in one line.

        Examples
        --------
        >>> Alarm("run build", "the build failed", None, "old prices", "truecost run").line
        'run build: the build failed; still works: old prices; look: truecost run'
        """
        since = f" since {self.since:%Y-%m-%d %H:%M}Z" if self.since else ""
        what = one_line(self.what)[:LONGEST_WHAT]  # so that the command stays on the line
        return f"{self.key}: {what}{since}; still works: {self.works}; look: {self.command}"


def alarms(home: Home, now: datetime, kinds: Collection[str] = KINDS) -> list[Alarm]:
    """Return what is wrong now, in a fixed order; a failed run is known to ``alarm_notices``.

    Parameters
    ----------
    home : Home
        The data folder; it is only read.
    now : datetime
        The clock. [UTC, without a zone]
    kinds : collection of str
        What to look at.
    """
    found: list[Alarm] = []
    if "machine" in kinds:
        found += machine(home, now)
    if not {"source", "quarantine", "published"} & set(kinds):
        return found
    try:
        with open_published(home) as connection:
            if "published" in kinds:
                found += published(connection, now)
            if "source" in kinds:
                found += sources(connection, now)
            if "quarantine" in kinds:
                found += quarantine(connection)
    except DataFolderError as error:  # nothing is published, or it cannot be read
        if "published" in kinds:
            found.append(Alarm("published file", str(error), None, "nothing", "truecost doctor"))
    return found


def machine(home: Home, now: datetime) -> Iterator[Alarm]:
    """Yield what is wrong with the disk and the clock."""
    for one in watched(home, now):
        if one.problem:
            yield Alarm(
                f"machine {one.name}",
                f"{one.value}: {one.problem}",
                None,
                "what is published can be read",
                "truecost doctor",
            )


def published(connection: duckdb.DuckDBPyConnection, now: datetime) -> Iterator[Alarm]:
    """Yield that the published file has missed a build."""
    at = published_at(connection)
    if now - at > PUBLISHED_FOR:
        yield Alarm(
            "published file", "no build has been published", at, "the prices of then",
            "truecost run",
        )  # fmt: skip


def sources(connection: duckdb.DuckDBPyConnection, now: datetime) -> Iterator[Alarm]:
    """Yield the sources that are down, frozen, held or drifted; or that none has answered yet."""
    moment = moment_of(connection)
    if moment is None or moment.is_bundled:
        yield Alarm(
            "source all",
            "no source has answered yet, all prices are bundled ones",
            moment.prices_at if moment else None,
            "the bundled prices",
            "truecost run",
        )
        return
    known = all_sources()
    found = status(connection)
    for row in (dict(zip(found.columns, values, strict=True)) for values in found.rows):
        source = known.get(row["source_id"])
        if source is None or row["status"] in ("never_asked", "skipped"):
            continue
        rhythm = max(RHYTHM, timedelta(hours=source.cadence_hours))
        seen_at = row["seen_at"]
        reason = f" ({one_line(row['error'])})" if row["error"] else ""
        if seen_at is None:
            what, works = f"has never answered{reason}", "all other sources"
        elif row["status"] in ("frozen", "quarantined"):
            what, works = f"is {row['status']}{reason}", "its earlier rows"
        elif now - seen_at > MISSED_ANSWERS * rhythm:
            what, works = f"gives no good answer{reason}", "its last good rows, marked stale"
        elif drift := drifted(source, row["offers_kept"]):
            what, works = drift, "the rows that could be read"
        else:
            continue
        yield Alarm(
            f"source {source.source_id}", what, seen_at, works,
            f"truecost run --source {source.source_id}",
        )  # fmt: skip


def drifted(source: Source, rows: int | None) -> str | None:
    """Return how an answer differs in size from what its source declares, or None.

    What it declares counts only where it was verified on a whole answer. A listing that shrinks
    against its own days before is held in any case.

    Examples
    --------
    >>> known = all_sources()
    >>> drifted(known["runpod"], 7)
    'has drifted: 7 rows, 40 to 500 are usual'
    >>> drifted(known["runpod"], 44), drifted(known["cudo"], 3)
    (None, None)
    """
    least, most = source.expected_rows
    if rows is None or source.verified_with != "whole" or least <= rows <= most:
        return None
    return f"has drifted: {rows:,} rows, {least:,} to {most:,} are usual"


def quarantine(connection: duckdb.DuckDBPyConnection) -> Iterator[Alarm]:
    """Yield the sources of whose newest answer far more is held than of those before."""
    found = run_report(connection, "alarm_held", growth=GROWTH_OF_HELD, least=LEAST_MORE_HELD)
    for source_id, asked_at, held, before, rule in found.rows:
        yield Alarm(
            f"quarantine {source_id}",
            f"{held:,} rows are held, {before:,} at most before; most by {rule}",
            asked_at,
            "its other rows",
            f"truecost quarantine --source {source_id}",
        )

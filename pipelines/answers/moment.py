"""The moment that an answer is stated for: now, that of the bundled snapshot, or of a past day.

The published file says it (``staged.build_clock``); ages count from it. Printing belongs to the
commands and to the site.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb

from pipelines.answers.as_of import Past
from warehouse.reports import run_report


@dataclass(frozen=True)
class Moment:
    """The moment of an answer, and who had spoken by then."""

    prices_at: datetime  # ages count from it [UTC]
    is_bundled: bool  # all prices are those of the bundled snapshot
    last_heard_at: datetime | None  # newest good answer of a source of offers [UTC]
    heard_source_count: int  # sources of offers whose newest answer is fresh then
    source_count: int  # sources of offers that had ever answered by then
    past: Past | None = None

    def words(self, now: datetime) -> str:
        """Return the line above an answer that is not of now; empty for one that is.

        Parameters
        ----------
        now : datetime
            The clock, from which bundled prices are counted. [UTC, without a zone]

        Examples
        --------
        >>> at = datetime(2026, 8, 10, 6)
        >>> Moment(at, True, at, 3, 3).words(datetime(2026, 11, 30, 16))
        'bundled prices of 2026-08-10, 112 days ago'
        """
        if self.is_bundled:
            days = max((now.date() - self.prices_at.date()).days, 0)
            return f"bundled prices of {self.prices_at:%Y-%m-%d}, {counted(days, 'day')} ago"
        if self.past is None or self.last_heard_at is None:
            return ""
        return (
            f"{self.past}: last heard {self.last_heard_at:%Y-%m-%d %H:%M}Z,"
            f" {self.heard_source_count} of {counted(self.source_count, 'source')} fresh;"
            f" ages count from {self.prices_at:%Y-%m-%d %H:%M}Z"
        )

    def as_data(self, now: datetime) -> dict[str, Any]:
        """Return the same for machines; ``days_ago`` of bundled prices only."""
        past = self.past
        days = (now.date() - self.prices_at.date()).days
        return {
            "as_of": past.as_of if past else None,
            "known_on": past.known_on if past else None,
            "prices_at": self.prices_at,
            "is_bundled": self.is_bundled,
            "days_ago": max(days, 0) if self.is_bundled else None,
            "last_heard_at": self.last_heard_at,
            "heard_source_count": self.heard_source_count,
            "source_count": self.source_count,
        }


def counted(number: int, thing: str) -> str:
    """Return a number with its noun.

    Examples
    --------
    >>> counted(1, "day"), counted(2, "day")
    ('1 day', '2 days')
    """
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def moment_of(connection: duckdb.DuckDBPyConnection, past: Past | None = None) -> Moment | None:
    """Return the moment of a published file, or of a past of it; None before the first build."""
    rows = run_report(connection, "moment").rows
    if not rows or rows[0][0] is None:
        return None
    [(prices_at, is_bundled, last_heard_at, heard_source_count, source_count)] = rows
    return Moment(prices_at, is_bundled, last_heard_at, heard_source_count, source_count, past)

"""The past of a source: captured as far as it is available, and read.

The command ``truecost backfill`` and a backfill on the pages of Dagster both run this. Which past
versions there are, and how each is asked for, belongs to ``pipelines.capture.backfill``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial

from pipelines.capture.backfill import Backfilled, NoHistoryError, backfill
from pipelines.capture.http.errors import FetchError
from pipelines.capture.parsers import UNREADABLE
from pipelines.capture.versions import Every
from pipelines.reading.ledger import ParseResult, pending_captures
from pipelines.reading.reader import has_reading, parse_captures
from pipelines.sources.base import Source
from warehouse.paths import Home


@dataclass(frozen=True, kw_only=True)
class PastRead:
    """What came of asking a source for its past."""

    source_id: str
    result: Backfilled | None  # None where its past could not be asked for
    lines: tuple[ParseResult, ...] = ()  # what was read of the new captures
    error: str | None = None
    is_refused: bool = False  # none of these days is available anywhere


def read_past(
    source: Source,
    *,
    home: Home,
    recorded_at: datetime,
    since: date | None,
    until: date | None,
    every: Every = "day",
    mirror: str | None = None,
    is_again: bool = False,
    progress: Callable[[int, int, datetime], None] = lambda done, total, at: None,
) -> PastRead:
    """Capture and read what a source said in the past; the parameters are those of ``backfill``.

    Returns
    -------
    PastRead
        Nothing is raised for a source that fails.
    """
    try:
        result = backfill(
            source,
            home=home,
            recorded_at=recorded_at,
            since=since,
            until=until,
            every=every,
            mirror=mirror,
            is_again=is_again,
            is_read=partial(has_reading, home),
            progress=progress,
        )
    except NoHistoryError as error:
        return PastRead(source_id=source.source_id, result=None, error=str(error), is_refused=True)
    except (FetchError, *UNREADABLE) as error:
        return PastRead(source_id=source.source_id, result=None, error=str(error))
    lines = parse_captures(home, pending_captures(home, [source.source_id]))
    return PastRead(
        source_id=source.source_id, result=result, lines=tuple(lines), error=result.error
    )

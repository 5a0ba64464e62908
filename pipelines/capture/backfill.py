"""Backfill: what a source said in the past, captured as of that time, known since today.

The past comes from the file that holds its own history (``OwnHistory``), or from past versions of
the answers (``capture.versions``). Each instant becomes one capture in landing; reading, merging
and publishing are those of every other capture. An instant captured before is not requested again.

The past has the resolution of a day: what was read or changed on a UTC day has the time 00:00.
"""

from __future__ import annotations

import dataclasses
import os
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from pipelines.capture.http.addresses import fingerprint
from pipelines.capture.http.client import Client
from pipelines.capture.http.errors import FetchError
from pipelines.capture.landing import Landing
from pipelines.capture.manifest import Capture, RequestRecord
from pipelines.capture.parallel import capture, never
from pipelines.capture.parsers import UNREADABLE, in_child
from pipelines.capture.versions import Every, past_versions, start_of_day
from pipelines.capture.visit import IsRead, now
from pipelines.sources.base import (
    DatedFiles,
    Fetching,
    Moment,
    OwnHistory,
    ParseError,
    Payload,
    Request,
    Source,
)
from warehouse.paths import Home

Progress = Callable[[int, int, datetime], None]


class NoHistoryError(ValueError):
    """A source without past versions; the message says what works."""


@dataclass(frozen=True, kw_only=True)
class Backfilled:
    """What came of a backfill of one source."""

    source_id: str
    filed: int  # captures recorded
    known: int  # instants captured before
    failed: int
    first: datetime | None
    last: datetime | None
    error: str | None = None  # of the last that failed


def backfill(
    source: Source,
    *,
    home: Home,
    recorded_at: datetime,
    since: date | None = None,
    until: date | None = None,
    every: Every = "day",
    mirror: str | None = None,
    environment: Mapping[str, str] = os.environ,
    is_again: bool = False,
    is_read: IsRead = never,
    progress: Progress = lambda done, total, at: None,
) -> Backfilled:
    """Capture every past version of a source that is available and not captured yet.

    Parameters
    ----------
    source : Source
        What to ask.
    home : Home
        Its landing folder takes payloads and manifests, each as soon as it arrives.
    recorded_at : datetime
        Since when we know, UTC: the moment of the backfill.
    since, until : date, optional
        The days wanted, both included.
    every : {"day", "week", "month"}
        How many versions are wanted: the last of each. Files with their own history have days.
    mirror : str, optional
        Asked instead of the sources; one with dated copies is asked for them.
    environment : Mapping
        Where sources find their keys.
    is_again : bool
        Whether instants captured before are asked for again, to record corrections.
    is_read : callable
        Whether the answer of an earlier capture could be read (see ``capture``).
    progress : callable
        Called with done, total and the instant, after each.

    Raises
    ------
    NoHistoryError
        If no past version of this source is available.
    FetchError
        If the list of versions, or the file with the history, cannot be fetched.
    ParseError, LimitError, CallError
        If they cannot be read.
    """
    landing = Landing(home)
    landing.prepare()
    client = Client(mirror=mirror, environment=environment, spool_folder=landing.spool_folder)
    filed = set() if is_again else _filed_instants(landing, source.source_id)

    def is_wanted(at: datetime) -> bool:
        return (since is None or at.date() >= since) and (until is None or at.date() <= until)

    past = source.past
    if isinstance(past, OwnHistory):
        [request] = source.requests(Fetching(on=recorded_at.date(), environment=environment))
        captures = _parts(source, request, None, landing, client, recorded_at, is_wanted)
        return _file_parts(source, landing, captures, filed, progress)
    versions = [
        version
        for version in past_versions(
            source, client, mirror, since, until, every, recorded_at.date()
        )
        if is_wanted(version.at)
    ]
    if not versions:
        raise NoHistoryError(_nothing_kept(source, mirror))
    failed, done, reason = 0, [], None
    for number, version in enumerate(versions, start=1):
        is_one_file = len(version.requests) == 1
        if version.at not in filed and is_one_file and isinstance(past, DatedFiles):
            try:
                captures = _parts(
                    source,
                    version.requests[0],
                    version.at,
                    landing,
                    client,
                    recorded_at,
                    is_wanted,
                )
            except (FetchError, *UNREADABLE) as error:
                failed, reason = failed + 1, str(error)
            else:
                done += [landing.record(one).seen_at for one in captures]
        elif version.at not in filed:
            [result] = capture(
                [dataclasses.replace(source, requests=version.asked)],
                home=home,
                clock=version.instant,
                recorded_clock=lambda: recorded_at,
                mirror=version.mirror,
                environment=environment,
                named=(source.source_id,),
                is_read=is_read,
            )
            if result.status in ("failed", "skipped"):
                failed, reason = failed + 1, result.error
            else:
                done.append(version.at)
        progress(number, len(versions), version.at)
    return _report(source, done, len(versions), failed, reason)


def _report(
    source: Source,
    done: Sequence[datetime],
    total: int,
    failed: int = 0,
    error: str | None = None,
) -> Backfilled:
    return Backfilled(
        source_id=source.source_id,
        filed=len(done),
        known=total - len(done) - failed,
        failed=failed,
        first=min(done, default=None),
        last=max(done, default=None),
        error=error,
    )


def _filed_instants(landing: Landing, source_id: str) -> set[datetime]:
    return {
        capture.seen_at
        for capture in landing.captures(source_id)
        if capture.status not in ("failed", "skipped")
    }


def _parts(
    source: Source,
    request: Request,
    version_at: datetime | None,
    landing: Landing,
    client: Client,
    recorded_at: datetime,
    is_wanted: Callable[[datetime], bool],
) -> list[Capture]:
    """Fetch a file that holds its own history, keep it once, and return a capture per instant.

    ``version_at`` is the instant of a version that is one file; None where the file has its own.
    """
    captures: list[Capture] = []
    started_at = now()
    with client.session(source) as session:
        answer = session.fetch(request)
        assert answer.body is not None  # the request was not conditional
        with answer.body as body:
            kept = landing.keep(source.source_id, recorded_at.date(), body)
    record = RequestRecord(
        key=request.key,
        scope=request.key,
        url=request.url,
        method=request.method,
        question=fingerprint(request),
        outcome="ok",
        status=answer.status,
        sha256=kept.sha256,
        path=kept.path,
        bytes=kept.bytes,
        ending=kept.ending,
        content_type=answer.content_type,
        started_at=started_at,
        finished_at=now(),
        attempts=answer.attempts,
        warnings=answer.warnings,
    )
    whole = Payload(
        source_id=source.source_id,
        key=request.key,
        url=request.url,
        content=landing.content(kept.path),
        sha256=kept.sha256,
        seen_at=recorded_at,
        content_type=answer.content_type,
    )
    by_instant: defaultdict[datetime, list[Moment]] = defaultdict(list)
    for part, scope, instant in in_child(source, moments_of, whole, version_at):
        moment = Moment(part=part, scope=scope, at=datetime.fromisoformat(instant))
        if is_wanted(moment.at):
            by_instant[start_of_day(moment.at)].append(moment)
    for at, parts in sorted(by_instant.items()):
        records = tuple(
            dataclasses.replace(
                record,
                key=f"{request.key}@{part.part}",
                scope=part.scope,
                question=f"{record.question} @{part.part}",
                bytes=record.bytes if number == 0 else 0,
            )
            for number, part in enumerate(parts)
        )
        captures.append(
            Capture(
                source_id=source.source_id,
                capture_id="",  # given when it is filed
                seen_at=at,
                recorded_at=recorded_at,
                status="ok",
                mirror=client.mirror,
                requests=records,
            )
        )
    return captures


def moments_of(
    source: Source, payload: Payload, version_at: datetime | None
) -> list[tuple[str, str, str]]:
    """Return part, scope and time of everything that a file holds; for ``in_child``.

    Raises
    ------
    ParseError
        If the source cannot read the file.
    """
    past = source.past
    try:
        if isinstance(past, OwnHistory):
            found = list(past.moments(payload))
        else:
            assert isinstance(past, DatedFiles) and version_at is not None
            found = list(past.parts(payload, version_at))
    except (LookupError, TypeError, AttributeError) as error:  # a line that was cut off
        said = f"{type(error).__name__}: {error}"[:120]
        raise ParseError(f"{payload.where()}: a row that cannot be dated ({said})") from error
    return [(moment.part, moment.scope, moment.at.isoformat()) for moment in found]


def _file_parts(
    source: Source,
    landing: Landing,
    captures: Sequence[Capture],
    filed: set[datetime],
    progress: Progress,
) -> Backfilled:
    done = []
    for number, one in enumerate(captures, start=1):
        if one.seen_at not in filed:
            landing.record(one)
            done.append(one.seen_at)
        progress(number, len(captures), one.seen_at)
    return _report(source, done, len(captures))


def _nothing_kept(source: Source, mirror: str | None) -> str:
    where = f"the mirror {mirror}" if mirror else "GitHub"
    return (
        f"{source.source_id}: {where} has no dated copies of its answers for these days;"
        " past prices cannot be fetched again, only captured day by day"
    )

"""All sources of a run: requested in parallel, each in a thread, each recorded as one capture.

What one source does belongs to ``visit``. A source can neither delay nor stop another.
"""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from pipelines.capture.http.client import Client, Limits
from pipelines.capture.landing import Landing
from pipelines.capture.manifest import Capture, CaptureStatus, RequestRecord
from pipelines.capture.visit import IsRead, Visit, now
from pipelines.sources.base import Source
from warehouse.paths import Home

WORKERS = 24
GRACE_SECONDS = 10.0  # after the total time of a source, until its thread is abandoned


@dataclass(frozen=True, kw_only=True)
class CaptureResult:
    """The outcome of one source."""

    source_id: str
    status: CaptureStatus
    capture: Capture
    bytes: int  # of all payloads, unchanged ones included
    seconds: float
    error_class: str | None = None
    error: str | None = None


@dataclass(frozen=True, kw_only=True)
class Progress:
    """One step of a source: it starts (``running``) or ends (a status of a capture)."""

    source_id: str
    status: str
    bytes: int = 0
    seconds: float = 0.0
    error: str | None = None


def never(source: Source, capture: Capture, record: RequestRecord) -> bool:
    """Treat no earlier answer as read: everything is requested in full."""
    return False


def capture(
    sources: Iterable[Source],
    *,
    home: Home,
    clock: Callable[[], datetime] = now,
    recorded_clock: Callable[[], datetime] | None = None,
    mirror: str | None = None,
    environment: Mapping[str, str] = os.environ,
    named: Collection[str] = (),
    is_read: IsRead = never,
    limits: Limits | None = None,
    client: Client | None = None,
    progress: Callable[[Progress], None] = lambda step: None,
    workers: int = WORKERS,
) -> list[CaptureResult]:
    """Request every source once, in parallel, and record one capture for each.

    Parameters
    ----------
    sources : iterable of Source
        Each runs on its own; the failure of one does not affect the others.
    home : Home
        Its landing folder takes payloads and manifests.
    clock : callable
        The clock of the run, read once: all captures of a run have one ``seen_at`` (UTC).
    recorded_clock : callable, optional
        When the answers became known; by default the same clock. A backfill passes the real time.
    mirror : str, optional
        Asked in place of the sources; see ``pipelines.capture.http.client.Client``.
    environment : Mapping
        Where the keys of sources are read.
    named : collection of str
        Sources that the user named: they run even if they are off by default.
    is_read : callable
        Whether an answer of an earlier capture could be read. Only then is the source asked
        whether it has changed since. By default none counts.
    limits : Limits, optional
        Deadlines and retries.
    client : Client, optional
        In place of mirror, limits and environment, where a test needs its own.
    progress : callable
        Called in the calling thread when a source starts and when it ends.
    workers : int
        Threads.

    Returns
    -------
    list of CaptureResult
        In the order of the sources. Nothing is raised for a source that fails.

    Raises
    ------
    ValueError
        If the mirror is not a URL, or the clock gives a time without a zone.
    OSError
        If landing cannot be written.
    """
    landing = Landing(home)
    landing.prepare()
    client = client or Client(
        mirror=mirror,
        limits=limits or Limits(),
        environment=environment,
        spool_folder=landing.spool_folder,
    )
    seen_at = clock()
    if seen_at.tzinfo is None:
        raise ValueError(f"the clock gives {seen_at} without a time zone")
    visits = [
        Visit(
            source=source,
            is_read=is_read,
            landing=landing,
            client=client,
            seen_at=seen_at.astimezone(UTC),
            recorded_at=(recorded_clock or clock)().astimezone(UTC),
            is_named=source.source_id in named,
        )
        for source in sources
    ]
    return _side_by_side(visits, landing, client.limits, progress, workers)


def _side_by_side(
    visits: list[Visit],
    landing: Landing,
    limits: Limits,
    progress: Callable[[Progress], None],
    workers: int,
) -> list[CaptureResult]:
    """Run the visits in threads and record their captures in the calling thread.

    A thread that exceeds its time is abandoned, because a name resolver that never answers cannot
    be interrupted: its visit is recorded as failed, its later result is ignored, and another thread
    replaces it. The threads are daemons, so that none keeps the program from ending.
    """
    todo: queue.SimpleQueue[Visit] = queue.SimpleQueue()
    events: queue.SimpleQueue[tuple[Visit, Capture | None]] = queue.SimpleQueue()
    for visit in visits:
        todo.put(visit)

    def work() -> None:
        while True:
            try:
                visit = todo.get_nowait()
            except queue.Empty:
                return
            visit.started = time.monotonic()
            events.put((visit, None))
            try:
                filed = visit.run()
            # A bug in ``requests`` or ``follow`` of one source must not stop the others. Only here
            # and in ``reading.sheet`` is every exception caught.
            except Exception as error:
                reason = visit.without_secrets(f"{type(error).__name__}: {error}")
                filed = visit.broken_off("source_error", reason)
            events.put((visit, filed))

    def hire() -> None:
        threading.Thread(target=work, name="capture", daemon=True).start()

    for _ in range(min(workers, len(visits))):
        hire()
    results: dict[int, CaptureResult] = {}
    patience = limits.total_seconds + GRACE_SECONDS
    while len(results) < len(visits):
        for visit in visits:
            is_open = visit.started is not None and id(visit) not in results
            if is_open and time.monotonic() - (visit.started or 0.0) > patience:
                reason = f"{visit.source.source_id}: not finished after {patience:g} s, abandoned"
                broken_off = visit.broken_off("timeout", reason)
                results[id(visit)] = _filed(visit, broken_off, landing, progress)
                hire()
        try:
            visit, filed = events.get(timeout=0.2)
        except queue.Empty:
            continue
        if id(visit) in results:
            continue
        if filed is None:
            progress(Progress(source_id=visit.source.source_id, status="running"))
        else:
            results[id(visit)] = _filed(visit, filed, landing, progress)
    return [results[id(visit)] for visit in visits]


def _filed(
    visit: Visit, finished: Capture, landing: Landing, progress: Callable[[Progress], None]
) -> CaptureResult:
    filed = landing.record(finished)
    result = CaptureResult(
        source_id=filed.source_id,
        status=filed.status,
        capture=filed,
        bytes=sum(record.bytes for record in filed.requests),
        seconds=time.monotonic() - (visit.started or time.monotonic()),
        error_class=filed.error_class,
        error=filed.error,
    )
    progress(
        Progress(
            source_id=result.source_id,
            status=result.status,
            bytes=result.bytes,
            seconds=result.seconds,
            error=result.error,
        )
    )
    return result

"""Capture: visit sources side by side and keep what they answer.

One source is a list of requests, asked one after the other and kept in landing; all sources run
in threads, and none can hold, stop or confuse another. Reading the bytes is ``pipelines.parse``'s.
"""

from __future__ import annotations

import os
import queue
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from urllib.parse import urlsplit

from pipelines.http import (
    Answer,
    Client,
    FetchError,
    Limits,
    Secrets,
    Session,
    Validators,
    fingerprint,
)
from pipelines.landing import (
    Capture,
    CaptureStatus,
    Landing,
    LastGood,
    RequestRecord,
)
from pipelines.parse import has_reading
from pipelines.sources.base import Fetching, ParseError, Payload, Request, Source
from warehouse.paths import Home

WORKERS = 24
MAX_REQUESTS = 500  # of one source in one capture, followed pages included
GRACE_SECONDS = 10.0  # past a source's total, before its thread is given up
VAGUE_CONTENT_TYPES = ("", "application/octet-stream", "binary/octet-stream")


@dataclass(frozen=True, kw_only=True)
class CaptureResult:
    """What came of one source."""

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


def now() -> datetime:
    """Return the present moment in UTC."""
    return datetime.now(UTC)


def capture(
    sources: Iterable[Source],
    *,
    home: Home,
    clock: Callable[[], datetime] = now,
    recorded_clock: Callable[[], datetime] | None = None,
    mirror: str | None = None,
    environment: Mapping[str, str] = os.environ,
    named: Collection[str] = (),
    limits: Limits | None = None,
    client: Client | None = None,
    progress: Callable[[Progress], None] = lambda step: None,
    workers: int = WORKERS,
) -> list[CaptureResult]:
    """Visit every source once, side by side, and file one capture for each.

    Parameters
    ----------
    sources : iterable of Source
        Each runs on its own; a failure of one is only its own.
    home : Home
        Its landing folder takes payloads and manifests.
    clock : callable
        The clock of the run, read once: all captures of a run have one ``captured_at`` (UTC).
    recorded_clock : callable, optional
        When we knew; by default the same moment. A backfill gives the real time here.
    mirror : str, optional
        Asked instead of the sources themselves; see ``pipelines.http.Client``.
    environment : Mapping
        Where sources find their keys.
    named : collection of str
        Sources that were asked for by name: they run even if they are off by default.
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
    captured_at = clock()
    if captured_at.tzinfo is None:
        raise ValueError(f"the clock gives {captured_at} without a time zone")
    visits = [
        _Visit(
            source=source,
            home=home,
            landing=landing,
            client=client,
            captured_at=captured_at.astimezone(UTC),
            recorded_at=(recorded_clock or clock)().astimezone(UTC),
            is_named=source.source_id in named,
        )
        for source in sources
    ]
    return _side_by_side(visits, landing, client.limits, progress, workers)


class _Visit:
    """One source in one run."""

    def __init__(
        self,
        *,
        source: Source,
        home: Home,
        landing: Landing,
        client: Client,
        captured_at: datetime,
        recorded_at: datetime,
        is_named: bool,
    ) -> None:
        self.source = source
        self.started: float | None = None  # monotonic [s]
        self._home = home
        self._landing = landing
        self._client = client
        self._captured_at = captured_at
        self._recorded_at = recorded_at
        self._is_named = is_named
        self._mirror = _without_user(client.mirror)
        self._error: tuple[str, str] | None = None  # of the visit, not of one request
        self._was_cut_short = False

    def run(self) -> Capture:
        """Ask everything and return the capture, not yet filed."""
        source, environment = self.source, self._client.environment
        if source.disabled_reason and not self._is_named:
            return self.outcome("skipped", (), "disabled", f"off: {source.disabled_reason}")
        if source.key_environment and not environment.get(source.key_environment):
            reason = f"skipped: set {source.key_environment}"
            return self.outcome("skipped", (), "skipped_no_key", reason)
        asked = source.requests(Fetching(on=self._captured_at.date(), environment=environment))
        known = self._landing.last_good(
            source.source_id,
            lambda capture, record: (
                record.outcome != "failed" and has_reading(self._home, source, capture, record)
            ),
        )
        with self._client.session(source) as session:
            records = self._ask_all(session, asked, known)
        status = _status(records, self._error)
        if status == "failed" and all(record.outcome == "absent" for record in records):
            gone = f"{source.source_id}: none of its {len(records)} addresses exists"
            self._error = ("source_gone", gone)
        return self.outcome(status, tuple(records), *(self._error or ()))

    def _ask_all(
        self, session: Session, asked: Iterable[Request], known: Mapping[str, LastGood]
    ) -> list[RequestRecord]:
        waiting = deque((request, request.key) for request in asked)
        records: list[RequestRecord] = []
        questions: set[str] = set()
        keys: Counter[str] = Counter()
        while waiting:
            request, scope = waiting.popleft()
            question = session.secrets.redact(fingerprint(request))
            if question in questions:
                continue
            keys[request.key] += 1
            if keys[request.key] > 1:
                request = replace(request, key=f"{request.key}#{keys[request.key]}")
            if len(records) >= MAX_REQUESTS:
                self._was_cut_short = True
                self._error = ("truncated", f"more than {MAX_REQUESTS} requests: stopped there")
                break
            questions.add(question)
            record = self._ask(session, request, question, known.get(question))
            records.append(replace(record, scope=scope))
            if self.source.follow is not None and record.outcome in ("ok", "unchanged"):
                pages = self._next_requests(session, request, record)
                waiting.extendleft((page, scope) for page in reversed(pages))
        return records

    def _ask(
        self, session: Session, request: Request, question: str, last: LastGood | None
    ) -> RequestRecord:
        started_at = now()
        try:
            answer = session.fetch(request, self._validators(last))
        except FetchError as error:
            is_absent = request.is_optional and error.error_class == "source_gone"
            return RequestRecord(
                key=request.key,
                scope=request.key,
                url=session.secrets.redact(request.url),
                method=request.method,
                question=question,
                outcome="absent" if is_absent else "failed",
                status=error.status,
                started_at=started_at,
                finished_at=now(),
                attempts=error.attempts,
                error_class=None if is_absent else error.error_class,
                error=None if is_absent else error.message,
            )
        return self._kept(session, request, question, last, answer, started_at)

    def _validators(self, last: LastGood | None) -> Validators | None:
        # A version mark of one server says nothing at another.
        if last is None or last.mirror != self._mirror:
            return None
        return Validators(etag=last.record.etag, last_modified=last.record.last_modified)

    def _kept(
        self,
        session: Session,
        request: Request,
        question: str,
        last: LastGood | None,
        answer: Answer,
        started_at: datetime,
    ) -> RequestRecord:
        known = last.record if last else None
        warnings = list(answer.warnings)
        if answer.body is None:
            assert known is not None  # only a conditional request is answered with 304
            sha256, path, byte_count = known.sha256, known.path, known.bytes
            content_type, ending = known.content_type, known.ending
        else:
            with answer.body as body:
                kept = self._landing.keep(self.source.source_id, self._captured_at.date(), body)
            sha256, path, byte_count = kept.sha256, kept.path, kept.bytes
            content_type, ending = answer.content_type, kept.ending
            usual = known.content_type if known else content_type
            if content_type.lower() in VAGUE_CONTENT_TYPES or content_type != usual:
                warnings.append(f"content type is {content_type!r}, was {usual!r} before")
        is_unchanged = known is not None and known.sha256 == sha256
        # Cut under a matching length, a table is still a table: only its end gives it away. Should
        # the source end like this again the next time, then it is its own new way.
        error = None
        if last is not None and last.record.ending and last.newest_ending and not ending:
            where = f"{self.source.source_id}[{request.key}] {(sha256 or '')[:12]}"
            mark = last.record.ending
            error = f"{where}: ends without the {mark} that it had before; was it cut?"
        return RequestRecord(
            key=request.key,
            scope=request.key,
            url=session.secrets.redact(request.url),
            method=request.method,
            question=question,
            outcome="failed" if error else "unchanged" if is_unchanged else "ok",
            status=answer.status,
            sha256=sha256,
            path=path,
            bytes=byte_count,
            ending=ending,
            content_type=content_type,
            etag=answer.etag or (known.etag if known and answer.body is None else ""),
            last_modified=answer.last_modified
            or (known.last_modified if known and answer.body is None else ""),
            started_at=started_at,
            finished_at=now(),
            attempts=answer.attempts,
            warnings=tuple(warnings),
            error_class="truncated" if error else None,
            error=error,
        )

    def _next_requests(
        self, session: Session, request: Request, record: RequestRecord
    ) -> list[Request]:
        """Return the pages that an answer leads to; one that cannot be read leads nowhere."""
        assert self.source.follow is not None and record.path is not None
        payload = Payload(
            source_id=self.source.source_id,
            key=record.key,
            url=record.url,
            content=self._landing.content(record.path),
            sha256=record.sha256 or "",
            captured_at=self._captured_at,
            content_type=record.content_type,
        )
        try:
            return list(self.source.follow(request, payload))
        except ParseError as error:
            self._was_cut_short = True
            self._error = ("parse_error", session.secrets.redact(str(error)))
            return []

    def without_secrets(self, text: str) -> str:
        """Return a message with the source's name, on one line, without its key."""
        secrets = Secrets(self.source, self._client.environment)
        return " ".join(f"{self.source.source_id}: {secrets.redact(text)}".split())[:500]

    def outcome(
        self,
        status: CaptureStatus,
        records: tuple[RequestRecord, ...],
        error_class: str | None = None,
        error: str | None = None,
    ) -> Capture:
        """Return the capture as it will be filed."""
        if error is None:
            first = next((record for record in records if record.error is not None), None)
            error_class, error = (first.error_class, first.error) if first else (None, None)
        return Capture(
            source_id=self.source.source_id,
            capture_id="",
            captured_at=self._captured_at,
            recorded_at=self._recorded_at,
            status=status,
            mirror=self._mirror,
            requests=records,
            was_cut_short=self._was_cut_short,
            error_class=error_class,
            error=error,
        )


def _side_by_side(
    visits: list[_Visit],
    landing: Landing,
    limits: Limits,
    progress: Callable[[Progress], None],
    workers: int,
) -> list[CaptureResult]:
    """Run the visits in threads and file their captures here, in the calling thread.

    A thread that overstays (a resolver that never answers cannot be interrupted) is given up: its
    visit is filed as failed, its later words go unheard, and another thread takes its place. The
    threads are daemons, so that none of them keeps the program from ending.
    """
    todo: queue.SimpleQueue[_Visit] = queue.SimpleQueue()
    events: queue.SimpleQueue[tuple[_Visit, Capture | None]] = queue.SimpleQueue()
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
            # A mistake in one source's ``requests`` or ``follow`` must not stop the others: this
            # and its like in ``pipelines.parse`` are the only places that catch everything.
            except Exception as error:
                reason = visit.without_secrets(f"{type(error).__name__}: {error}")
                filed = visit.outcome("failed", (), "source_error", reason)
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
                reason = f"{visit.source.source_id}: no end after {patience:g} s, given up"
                capture_given_up = visit.outcome("failed", (), "timeout", reason)
                results[id(visit)] = _filed(visit, capture_given_up, landing, progress)
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
    visit: _Visit, finished: Capture, landing: Landing, progress: Callable[[Progress], None]
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


def _status(records: list[RequestRecord], error: tuple[str, str] | None) -> CaptureStatus:
    outcomes = {record.outcome for record in records}
    if not outcomes & {"ok", "unchanged"}:
        return "failed"
    if "failed" in outcomes or error is not None:
        return "partial"
    return "ok" if "ok" in outcomes else "unchanged"


def _without_user(url: str | None) -> str | None:
    """Return a mirror's address without a user and password."""
    if url is None:
        return None
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()

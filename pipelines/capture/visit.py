"""One source in one run: its requests, one after the other, and the capture that they make.

All sources at once belong to ``parallel``, reading the bytes to ``reading``.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from pipelines.capture.http.addresses import fingerprint
from pipelines.capture.http.answer import Answer, Validators
from pipelines.capture.http.client import Client
from pipelines.capture.http.errors import FetchError
from pipelines.capture.http.secrets import Secrets
from pipelines.capture.http.session import Session
from pipelines.capture.landing import Landing, LastGood
from pipelines.capture.manifest import Capture, CaptureStatus, RequestRecord
from pipelines.capture.parsers import next_requests
from pipelines.child.limits import CallError, LimitError
from pipelines.sources.base import Fetching, ParseError, Payload, Request, Source
from pipelines.text import single_spaced

MAX_REQUESTS = 500  # of one source in one capture, followed pages included
VISIT_ANSWERS = 16  # a visit may bring as much as so many of the largest answers
DAY_VISITS = 4  # a source may fill as much disk in one day as so many visits may bring
VAGUE_CONTENT_TYPES = ("", "application/octet-stream", "binary/octet-stream")
IsRead = Callable[[Source, Capture, RequestRecord], bool]


def now() -> datetime:
    """Return the present moment in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A request as the manifest names it: without secrets."""

    key: str
    scope: str
    url: str
    method: str
    question: str
    started_at: datetime

    def record(self, **outcome: Any) -> RequestRecord:
        """Return the record of the request with its outcome."""
        return RequestRecord(**asdict(self), finished_at=now(), **outcome)


class Visit:
    """One source in one run."""

    def __init__(
        self,
        *,
        source: Source,
        is_read: IsRead,
        landing: Landing,
        client: Client,
        seen_at: datetime,
        recorded_at: datetime,
        is_named: bool,
    ) -> None:
        self.source = source
        self.started: float | None = None  # monotonic [s]
        self._is_read = is_read
        self._landing = landing
        self._client = client
        self._seen_at = seen_at
        self._recorded_at = recorded_at
        self._is_named = is_named
        self._mirror = _without_user(client.mirror)
        self._error: tuple[str, str] | None = None  # of the visit, not of one request
        self._was_cut_short = False
        self._records: list[RequestRecord] = []
        self._open: Asked | None = None  # the request that is being answered
        self._bytes_left = 0  # of the budget

    def run(self) -> Capture:
        """Send all requests and return the capture, not recorded yet."""
        source, environment = self.source, self._client.environment
        if source.disabled_reason and not self._is_named:
            return self.outcome("skipped", (), "disabled", f"off: {source.disabled_reason}")
        if source.key_environment and not environment.get(source.key_environment):
            reason = f"skipped: set {source.key_environment}"
            return self.outcome("skipped", (), "skipped_no_key", reason)
        asked = source.requests(Fetching(on=self._seen_at.date(), environment=environment))
        known = self._landing.last_good(
            source.source_id,
            lambda capture, record: (
                record.outcome != "failed" and self._is_read(source, capture, record)
            ),
        )
        budget = min(source.visit_max_bytes, VISIT_ANSWERS * source.max_bytes)
        day_left = DAY_VISITS * budget - self._landing.bytes_of_day(
            source.source_id, self._seen_at.date()
        )
        self._bytes_left = min(budget, day_left)
        with self._client.session(source) as session:
            self._ask_all(session, asked, known)
        records = self._records
        status = _status(records, self._error)
        is_gone = status == "failed" and self._error is None
        if is_gone and all(record.outcome == "absent" for record in records):
            gone = f"{source.source_id}: none of its {len(records)} addresses exists"
            self._error = ("source_gone", gone)
        return self.outcome(status, tuple(records), *(self._error or ()))

    def _ask_all(
        self, session: Session, asked: Iterable[Request], known: Mapping[str, LastGood]
    ) -> None:
        waiting = deque((request, request.key) for request in asked)
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
            if len(self._records) >= MAX_REQUESTS:
                self._stop("truncated", f"more than {MAX_REQUESTS} requests: stopped there")
                break
            if self._bytes_left <= 0:
                self._stop("too_large", "its bytes of one visit, or one day, are used up")
                break
            questions.add(question)
            self._open = Asked(
                key=request.key,
                scope=scope,
                url=session.secrets.redact(request.url),
                method=request.method,
                question=question,
                started_at=now(),
            )
            record = self._ask(session, request, self._open, known.get(question))
            self._records.append(record)
            self._open = None
            self._bytes_left -= record.bytes
            if self.source.follow is not None and record.outcome in ("ok", "unchanged"):
                pages = self._next_requests(session, request, record)
                waiting.extendleft((page, scope) for page in reversed(pages))

    def _stop(self, error_class: str, reason: str) -> None:
        """Record that requests were left out, and why."""
        self._was_cut_short = True
        self._error = (error_class, f"{self.source.source_id}: {reason}")

    def _ask(
        self, session: Session, request: Request, asked: Asked, last: LastGood | None
    ) -> RequestRecord:
        most = request.max_bytes or self.source.max_bytes
        bounded = replace(request, max_bytes=min(most, self._bytes_left))
        try:
            answer = session.fetch(bounded, self._validators(last))
        except FetchError as error:
            is_absent = request.is_optional and error.error_class == "source_gone"
            return asked.record(
                outcome="absent" if is_absent else "failed",
                status=error.status,
                attempts=error.attempts,
                error_class=None if is_absent else error.error_class,
                error=None if is_absent else error.message,
            )
        return self._kept(asked, last, answer)

    def _validators(self, last: LastGood | None) -> Validators | None:
        # A version mark of one server means nothing to another.
        if last is None or last.mirror != self._mirror:
            return None
        return Validators(etag=last.record.etag, last_modified=last.record.last_modified)

    def _kept(self, asked: Asked, last: LastGood | None, answer: Answer) -> RequestRecord:
        known = last.record if last else None
        warnings = list(answer.warnings)
        if answer.body is None:
            assert known is not None  # only a conditional request is answered with 304
            sha256, path, byte_count = known.sha256, known.path, known.bytes
            content_type, ending = known.content_type, known.ending
        else:
            with answer.body as body:
                kept = self._landing.keep(self.source.source_id, self._seen_at.date(), body)
            sha256, path, byte_count = kept.sha256, kept.path, kept.bytes
            content_type, ending = answer.content_type, kept.ending
            usual = known.content_type if known else content_type
            if content_type.lower() in VAGUE_CONTENT_TYPES or content_type != usual:
                warnings.append(f"content type is {content_type!r}, was {usual!r} before")
        is_unchanged = known is not None and known.sha256 == sha256
        # A table that was cut under a matching length still parses; only its end shows it. If the
        # source ends like this again the next time, the new ending is accepted.
        error = None
        if last is not None and last.record.ending and last.newest_ending and not ending:
            where = f"{self.source.source_id}[{asked.key}] {(sha256 or '')[:12]}"
            mark = last.record.ending
            error = f"{where}: ends without the {mark} that it had before; was it truncated?"
        return asked.record(
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
            attempts=answer.attempts,
            warnings=tuple(warnings),
            error_class="truncated" if error else None,
            error=error,
        )

    def _next_requests(
        self, session: Session, request: Request, record: RequestRecord
    ) -> list[Request]:
        """Return the requests for the next pages; none if the answer cannot be read."""
        assert record.path is not None
        payload = Payload(
            source_id=self.source.source_id,
            key=record.key,
            url=record.url,
            content=self._landing.content(record.path),
            sha256=record.sha256 or "",
            seen_at=self._seen_at,
            content_type=record.content_type,
        )
        try:
            return list(next_requests(self.source, request, payload))
        except (ParseError, LimitError, CallError) as error:
            self._was_cut_short = True
            kind = "parser_limit" if isinstance(error, LimitError) else "parse_error"
            where = "" if isinstance(error, ParseError) else f"{payload.where()}: the next page: "
            self._error = (kind, session.secrets.redact(f"{where}{error}"))
            return []

    def broken_off(self, error_class: str, reason: str) -> Capture:
        """Return the capture of a visit that did not finish: what was answered until then.

        Called from another thread where the visit hangs, so it reads a copy of the records.
        """
        records, asked = list(self._records), self._open
        if asked is not None and asked.key not in {record.key for record in records}:
            failed = asked.record(outcome="failed", error_class=error_class, error=reason)
            records.append(failed)
        self._was_cut_short = True
        status = _status(records, (error_class, reason))
        return self.outcome(status, tuple(records), error_class, reason)

    def without_secrets(self, text: str) -> str:
        """Return a message with the id of the source, on one line, without its key."""
        secrets = Secrets(self.source, self._client.environment)
        return single_spaced(f"{self.source.source_id}: {secrets.redact(text)}")[:500]

    def outcome(
        self,
        status: CaptureStatus,
        records: tuple[RequestRecord, ...],
        error_class: str | None = None,
        error: str | None = None,
    ) -> Capture:
        """Return the capture as it will be recorded."""
        if error is None:
            first = next((record for record in records if record.error is not None), None)
            error_class, error = (first.error_class, first.error) if first else (None, None)
        return Capture(
            source_id=self.source.source_id,
            capture_id="",
            seen_at=self._seen_at,
            recorded_at=self._recorded_at,
            status=status,
            mirror=self._mirror,
            requests=records,
            was_cut_short=self._was_cut_short,
            error_class=error_class,
            error=error,
        )


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

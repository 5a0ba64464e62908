"""The requests of one source: rate, retries, redirects, secrets, one deadline.

Whether an answer is usable, and whether a failed request is worth another try, is decided here.
Sockets belong to ``wires``, bodies to ``body``, rules for robots to ``robots``.
"""

from __future__ import annotations

import contextlib
import random
import threading
import time
from dataclasses import replace
from types import TracebackType
from typing import IO, TYPE_CHECKING, Self
from urllib.parse import urlencode, urlsplit

import requests

from pipelines.capture.http.addresses import (
    bare,
    is_address,
    is_public_address,
    mirrored,
    netloc,
    origin,
    redirect_target,
)
from pipelines.capture.http.answer import (
    MOVED,
    Answer,
    Validators,
    header_text,
    retry_after_seconds,
)
from pipelines.capture.http.body import read_body
from pipelines.capture.http.environment import certificates, proxies_for, proxies_of, user_agent
from pipelines.capture.http.errors import LIBRARY_ERRORS, FetchError, fetch_error
from pipelines.capture.http.robots import ROBOTS_KEY
from pipelines.capture.http.secrets import Secrets
from pipelines.capture.http.wires import GuardedAdapter, Wires
from pipelines.sources.base import Request, Source

if TYPE_CHECKING:
    from pipelines.capture.http.client import Client  # which makes sessions

TRANSIENT_STATUSES = frozenset({408, 425, 429, *range(500, 600)})
GONE_STATUSES = frozenset({404, 410})
PERMANENT_STATUSES = frozenset({301, 308})
REDIRECT_STATUSES = frozenset({301, 302, 303, 307, 308})
MAX_HOPS = 5


class Session:
    """The requests of one source, one after the other, under one deadline.

    A context manager: its connections are closed at the end.
    """

    def __init__(self, client: Client, source: Source) -> None:
        self._client = client
        self._source = source
        self._limits = client.limits
        self._ends = time.monotonic() + client.limits.total_seconds
        self._lost_hosts: set[str] = set()  # no connection after all tries
        chosen = [
            *proxies_of(client.environment).values(),
            *([client.mirror] if client.mirror else []),
        ]
        self.secrets = Secrets(source, client.environment, chosen)
        trusted = {origin(url)[1:] for url in chosen}
        self._wires = Wires(trusted, client.resolve, client.note_connection)
        self._user_agent = user_agent(client.environment)
        # Not a requests.Session, which reads .netrc and the whole body of every redirect.
        self._adapter = client.adapter() if client.adapter else GuardedAdapter(self._wires)
        self._verify = certificates(client.environment)
        self._alarm = threading.Timer(
            client.limits.total_seconds, self._wires.cut, kwargs={"for_good": True}
        )
        self._alarm.daemon = True

    def __enter__(self) -> Self:
        self._alarm.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._alarm.cancel()
        self._adapter.close()
        self._wires.cut(for_good=True)

    def seconds_left(self) -> float:
        """Return what is left of the total time of the source [s]."""
        return self._ends - time.monotonic()

    def fetch(self, request: Request, known: Validators | None = None) -> Answer:
        """Return the answer to a request, and retry after transient errors.

        Parameters
        ----------
        request : Request
            What to ask; its secrets are sent only over TLS and only to the host of its URL.
        known : Validators, optional
            The version that is already kept. The answer may then be "unchanged" (status 304).

        Raises
        ------
        FetchError
            With ``error_class``, ``status`` and ``attempts``; its text holds no secret.
        """
        self.secrets.learn(request)
        attempt = 1
        while True:
            try:
                return replace(self._attempt(request, known), attempts=attempt)
            except FetchError as error:
                failure = error
            pause = self._pause_before_retry(failure, attempt)
            if pause is None:
                break
            self._client.sleep(pause)
            attempt += 1
        self._wires.cut()
        if failure.is_without_connection:
            self._lost_hosts.add(netloc(mirrored(request.url, self._client.mirror)))
        tries = f" after {attempt} tries" if attempt > 1 else ""
        raised = FetchError(
            failure.error_class,
            self.secrets.redact(
                f"{self._source.source_id}[{request.key}] {request.url}: {failure.message}{tries}"
            ),
            status=failure.status,
        )
        raised.attempts = attempt
        raise raised

    def _pause_before_retry(self, failure: FetchError, attempt: int) -> float | None:
        limits = self._limits
        if not failure.is_transient or attempt >= limits.tries:
            return None
        if failure.is_without_connection and self._client.is_offline:
            return None
        cap = min(limits.backoff_cap_seconds, limits.backoff_seconds * 2 ** (attempt - 1))
        pause = random.uniform(0, cap)  # full jitter, so that many clients do not retry at once
        if failure.retry_after_seconds is not None:
            if failure.retry_after_seconds > limits.retry_after_cap_seconds:
                return None
            pause = failure.retry_after_seconds + pause
        return pause if pause < self.seconds_left() else None

    def _attempt(self, request: Request, known: Validators | None) -> Answer:
        try:
            if self.seconds_left() <= 0:
                raise FetchError("timeout", "not asked")
            if netloc(mirrored(request.url, self._client.mirror)) in self._lost_hosts:
                raise FetchError("unreachable", "not asked: the host could not be reached before")
            if self._client.is_offline:
                raise FetchError("unreachable", "not asked: no host at all can be reached")
            response, moved = self._after_redirects(request, known)
            with contextlib.closing(response):
                answer = self._answer(request, response, known)
            return replace(answer, warnings=(*moved, *answer.warnings))
        except LIBRARY_ERRORS as error:
            failure = fetch_error(error, self._limits.read_seconds)
        except FetchError as error:
            failure = error
        # Raised outside the handlers, whose exceptions hold the URL with its secrets.
        failure.__context__ = failure.__cause__ = None
        failure.__traceback__ = None
        if failure.is_without_connection:
            self._client.note_unreached(netloc(mirrored(request.url, self._client.mirror)))
        if self.seconds_left() <= 0 and failure.error_class != "too_large":
            failure = FetchError(
                "timeout", f"the {self._limits.total_seconds:g} s of this source are over"
            )
        if not failure.is_transient or failure.status is None:
            self._wires.cut()
        raise failure

    def _after_redirects(
        self, request: Request, known: Validators | None
    ) -> tuple[requests.Response, tuple[str, ...]]:
        """Return the answer at the end of all redirects, and a warning if the address has moved."""
        moved: tuple[str, ...] = ()
        url = mirrored(request.url, self._client.mirror)
        self._check_target(request, request.url)
        for _ in range(MAX_HOPS + 1):
            response = self._send(request, url, known)
            if response.status_code not in REDIRECT_STATUSES:
                return response, moved
            response.close()
            try:
                target = redirect_target(url, response.headers.get("Location", ""))
            except ValueError as error:
                raise FetchError("bad_redirect", f"to no usable address: {error}") from None
            if request.method == "POST" and response.status_code not in (307, 308):
                raise FetchError(
                    "bad_redirect",
                    f"HTTP {response.status_code} to {bare(target)}: the body would be lost",
                )
            if not (self._client.mirror and origin(target) == origin(self._client.mirror)):
                self._check_target(request, target)
                if response.status_code in PERMANENT_STATUSES:
                    moved = (self.secrets.redact(f"{MOVED} {bare(target)}"),)
                target = mirrored(target, self._client.mirror)
            if target == url:
                raise FetchError("bad_redirect", "to itself")
            url = target
        raise FetchError("bad_redirect", f"more than {MAX_HOPS} redirects")

    def _check_target(self, request: Request, url: str) -> None:
        """Refuse an address that the source did not declare, before anything is sent."""
        parts = urlsplit(url)
        host = (parts.hostname or "").lower()
        if is_address(host) and not is_public_address(host):
            raise FetchError("bad_redirect", f"refused to go to {host}: not a public address")
        if parts.scheme != "https":
            raise FetchError("bad_redirect", f"refused to go to {bare(url)}: not https")
        if host not in self._source.allowed_hosts:
            raise FetchError("bad_redirect", f"refused to go to {host}: not a declared host")
        if parts.port not in (None, 443, urlsplit(request.url).port):
            raise FetchError("bad_redirect", f"refused to go to {host}: port {parts.port}")
        is_page = self._source.kind == "page" and request.key != ROBOTS_KEY
        if is_page and not self._client.mirror:
            self._client.robots.check(url, lambda asked: self._attempt(asked, None))

    def _send(self, request: Request, url: str, known: Validators | None) -> requests.Response:
        headers = {
            "User-Agent": self._user_agent,
            "Accept": "*/*",
            "Accept-Encoding": "gzip",
            **request.headers,
        }
        if known and request.method == "GET":
            headers |= {"If-None-Match": known.etag} if known.etag else {}
            headers |= {"If-Modified-Since": known.last_modified} if known.last_modified else {}
        parts = urlsplit(url)
        own_host = urlsplit(request.url).hostname
        has_right_host = parts.hostname == own_host or self._client.mirror is not None
        if parts.scheme == "https" and has_right_host:
            headers |= request.secret_headers
            if request.secret_query and url == mirrored(request.url, self._client.mirror):
                url += ("&" if parts.query else "?") + urlencode(request.secret_query)
        self._wait_for_turn(parts.hostname or "", parts.netloc)
        left = max(self.seconds_left(), 0.001)
        question = requests.Request(request.method, url, headers=headers, json=request.json_body)
        return self._adapter.send(
            question.prepare(),
            stream=True,
            timeout=(min(self._limits.connect_seconds, left), min(self._limits.read_seconds, left)),
            verify=self._verify,
            proxies=proxies_for(url, self._client.environment),
        )

    def _wait_for_turn(self, host: str, place: str) -> None:
        if self._client.mirror:
            return
        interval = 1 / self._source.requests_per_second
        delay = self._client.robots.crawl_delay_seconds(place)
        wait = self._client.seconds_to_wait(host, max(interval, delay))
        if wait > self.seconds_left():
            raise FetchError("timeout", f"no turn at {host} within this source's time")
        if wait > 0:
            self._client.sleep(wait)

    def _answer(
        self, request: Request, response: requests.Response, known: Validators | None
    ) -> Answer:
        status = response.status_code
        if status == 304 and known:
            return self._described(response, None, 0)
        if status in GONE_STATUSES:
            raise FetchError("source_gone", f"HTTP {status}: no longer there", status=status)
        if status != 200:
            raise FetchError(
                "rate_limited" if status == 429 else "http_error",
                f"HTTP {status}",
                status=status,
                is_transient=status in TRANSIENT_STATUSES,
                retry_after_seconds=retry_after_seconds(response.headers.get("Retry-After")),
            )
        body, byte_count = read_body(
            response,
            max_bytes=request.max_bytes or self._source.max_bytes,
            spool_folder=self._client.spool_folder,
            seconds_left=self.seconds_left,
        )
        if byte_count == 0:
            body.close()
            raise FetchError("empty", "HTTP 200 with an empty body", status=status)
        if not self.secrets:
            return self._described(response, body, byte_count)
        content = body.read()
        masked = self.secrets.mask(content)
        body.seek(0)
        if masked == content:
            return self._described(response, body, byte_count)
        body.write(masked)
        body.seek(0)
        warning = "the answer repeated our key, which was masked"
        return self._described(response, body, byte_count, warning)

    def _described(
        self, response: requests.Response, body: IO[bytes] | None, byte_count: int, *warnings: str
    ) -> Answer:
        redact = self.secrets.redact
        return Answer(
            status=response.status_code,
            body=body,
            byte_count=byte_count,
            content_type=header_text(redact(response.headers.get("Content-Type", ""))),
            etag=header_text(redact(response.headers.get("ETag", ""))),
            last_modified=header_text(redact(response.headers.get("Last-Modified", ""))),
            warnings=warnings,
        )

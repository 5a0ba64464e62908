"""The one HTTP client: polite, bounded in time and size, and careful where it goes.

Asking belongs here: rate limits, robots.txt, deadlines, retries, redirects, size caps, mirrors,
secrets. What to ask is a source's business, keeping the answer is ``pipelines.landing``'s. Nothing
here knows what a payload means.
"""

from __future__ import annotations

import base64
import contextlib
import email.utils
import html
import importlib.metadata
import ipaddress
import json
import logging
import os
import random
import re
import socket
import tempfile
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Literal, Self
from urllib.parse import quote, quote_plus, unquote, urlencode, urljoin, urlsplit

import requests
from protego import Protego
from requests.adapters import BaseAdapter, HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError as WireError
from urllib3.exceptions import NewConnectionError, ReadTimeoutError

from pipelines.sources.base import Request, Source

MIRROR_VARIABLE = "TRUECOST_MIRROR"
CONTACT_VARIABLE = "TRUECOST_CONTACT"

ErrorClass = Literal[
    "unreachable",
    "timeout",
    "rate_limited",
    "http_error",
    "source_gone",
    "truncated",
    "too_large",
    "bad_redirect",
    "robots",
    "empty",
    "unexpected_content",
]

TRANSIENT_STATUSES = frozenset({408, 425, 429, *range(500, 600)})
GONE_STATUSES = frozenset({404, 410})
REDIRECT_STATUSES = frozenset({301, 302, 303, 307, 308})
MAX_HOPS = 5
MAX_ADDRESSES = 4  # of one name, tried within one connect deadline
OFFLINE_AFTER_HOSTS = 5  # that cannot be reached while no other can: there is no network
CHUNK_BYTES = 64 * 1024
PIECE_BYTES = 256 * 1024  # of decompressed body held in memory at once
SPOOL_BYTES = 1024 * 1024  # a larger body goes to disk
ROBOTS_KEY = "robots.txt"
ROBOTS_MAX_BYTES = 512 * 1024  # RFC 9309 section 2.5 asks for at least 500 KiB
CRAWL_DELAY_CAP_SECONDS = 10.0
# Global by the letter, but the IPv4 address inside may not be (RFC 6052).
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")

# At DEBUG urllib3 logs the whole request line, and with it a key in the query.
logging.getLogger("urllib3.connectionpool").setLevel(logging.INFO)


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How long [s], and how often."""

    connect_seconds: float = 5.0
    read_seconds: float = 20.0
    total_seconds: float = 60.0  # for all requests of one source together
    tries: int = 4
    backoff_seconds: float = 0.5  # the first pause is drawn from 0 to this, then it doubles
    backoff_cap_seconds: float = 8.0
    retry_after_cap_seconds: float = 30.0
    offline_after_seconds: float = 5.0  # without one connection: there is no network


class FetchError(Exception):
    """A request without a usable answer: a stable word for programs, one line for people."""

    def __init__(
        self,
        error_class: ErrorClass,
        message: str,
        *,
        status: int | None = None,
        is_transient: bool = False,
        is_without_connection: bool = False,
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(message)
        self.error_class: ErrorClass = error_class
        self.message = message
        self.status = status
        self.is_transient = is_transient
        self.is_without_connection = is_without_connection
        self.retry_after_seconds = retry_after_seconds
        self.attempts = 1


@dataclass(frozen=True, kw_only=True)
class Validators:
    """What the last good answer said about its own version, for a conditional request."""

    etag: str = ""
    last_modified: str = ""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A usable answer: a body to read once and close, or none where nothing has changed (304)."""

    status: int
    body: IO[bytes] | None
    byte_count: int
    content_type: str
    etag: str
    last_modified: str
    attempts: int = 1
    warnings: tuple[str, ...] = ()


def user_agent(environment: Mapping[str, str] = os.environ) -> str:
    """Return who we are and how to reach us: ``truecost/<version> (+repository; contact)``.

    The repository comes from the package's own metadata, the contact from ``TRUECOST_CONTACT``,
    so that whoever runs this can be reached by the sites it asks.

    Examples
    --------
    >>> user_agent({"TRUECOST_CONTACT": "prices@example.org"}).endswith("prices@example.org)")
    True
    """
    package = importlib.metadata.metadata("truecost")
    links = dict(link.split(", ", 1) for link in package.get_all("Project-URL") or [])
    repository = links.get("Repository") or links.get("Homepage")
    authors = package.get_all("Author-email") or [None]
    contact = environment.get(CONTACT_VARIABLE) or authors[0]
    about = [f"+{repository}" if repository else "GPU price research"]
    about += [contact] if contact else []
    return f"truecost/{package['Version']} ({'; '.join(about)})"


def is_public_address(address: str) -> bool:
    """Tell whether an IP address belongs to the public internet.

    An IPv6 address that wraps an IPv4 one is judged by the address inside.

    Examples
    --------
    >>> [is_public_address(a) for a in ("8.8.8.8", "169.254.169.254", "::ffff:127.0.0.1")]
    [True, False, False]
    """
    ip = ipaddress.ip_address(address.split("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        if ip in NAT64:
            return is_public_address(str(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)))
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if inner is not None:
            return is_public_address(str(inner))
    return ip.is_global and not ip.is_multicast


def is_address(host: str) -> bool:
    """Tell whether a host is written as an IP address.

    Examples
    --------
    >>> is_address("169.254.169.254"), is_address("example.org")
    (True, False)
    """
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def mirrored(url: str, mirror: str | None) -> str:
    """Return the URL that is asked in place of ``url`` when a mirror is set.

    Examples
    --------
    >>> mirrored("https://api.example.org/v1?page=2", "http://127.0.0.1:8000/")
    'http://127.0.0.1:8000/api.example.org/v1?page=2'
    """
    return f"{mirror.rstrip('/')}/{url.split('://', 1)[1]}" if mirror else url


def retry_after_seconds(value: str | None, now: datetime) -> float | None:
    """Return the pause that a Retry-After header asks for, or None where it says nothing [s].

    Examples
    --------
    >>> noon = datetime(2026, 7, 1, 12, tzinfo=UTC)
    >>> retry_after_seconds("7", noon)
    7.0
    >>> retry_after_seconds("Wed, 01 Jul 2026 12:00:30 GMT", noon)
    30.0
    """
    text = (value or "").strip()
    if text.isdecimal():
        return float(text)
    try:
        moment = email.utils.parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())


def spellings(secret: str) -> set[str]:
    r"""Return how an answer may repeat a secret: as it is, and as URLs, JSON and HTML write it.

    Examples
    --------
    >>> sorted(spellings("a/b"))
    ['a%2Fb', 'a%2fb', 'a/b', 'a\\/b']
    """
    found = {secret, quote(secret, safe=""), quote_plus(secret), html.escape(secret)}
    found |= {re.sub("%..", lambda code: code[0].lower(), text) for text in found}
    in_json = json.dumps(secret)[1:-1]
    return found | {in_json, in_json.replace("/", "\\/")}


class Secrets:
    """What must stay out of everything that is written: the keys of one source, passwords."""

    def __init__(
        self, source: Source, environment: Mapping[str, str], addresses: Iterable[str] = ()
    ) -> None:
        self._values: set[str] = set()
        if source.key_environment:
            self._add(environment.get(source.key_environment, ""))
        for address in addresses:
            user, _, password = urlsplit(address).netloc.rpartition("@")[0].partition(":")
            if password:
                pair = f"{unquote(user)}:{unquote(password)}"
                self._add(unquote(password))
                self._add(base64.b64encode(pair.encode()).decode())  # as it is sent

    def learn(self, request: Request) -> None:
        """Take the secrets of a request into account."""
        for value in (*request.secret_headers.values(), *request.secret_query.values()):
            self._add(value)

    def _add(self, value: str) -> None:
        # "Bearer abc" must not hide that "abc" is the secret.
        for part in {value, value.rpartition(" ")[2]}:
            if len(part) >= 4:
                self._values |= spellings(part)

    def redact(self, text: str) -> str:
        """Return the text with every known secret replaced."""
        for value in sorted(self._values, key=len, reverse=True):
            text = text.replace(value, "[secret]")
        return text

    def mask(self, content: bytes) -> bytes:
        """Return the content with every known secret overwritten, its length unchanged."""
        for value in sorted(self._values, key=len, reverse=True):
            content = content.replace(value.encode(), b"*" * len(value.encode()))
        return content

    def __bool__(self) -> bool:
        return bool(self._values)


class _Wires:
    """The sockets of one session: where they may lead, and the means to cut them all at once.

    A read timeout cannot stop a server that sends one byte a second, in the body, the headers or
    the TLS handshake. Shutting the socket down from the side can.
    """

    def __init__(
        self,
        trusted: set[tuple[str, int]],
        resolve: Callable[[str, int], list[str]],
        note_connection: Callable[[], None],
    ) -> None:
        self._trusted = trusted
        self._note_connection = note_connection
        self._resolve = resolve
        self._open: list[socket.socket] = []
        self._lock = threading.Lock()
        self._is_cut_for_good = False

    def connect(self, connection: HTTPConnection) -> socket.socket:
        """Resolve once, check every address, and connect to exactly what was checked."""
        host, port = connection.host.strip("[]"), connection.port or 0
        try:
            addresses = self._resolve(host, port)
        except OSError:
            raise NewConnectionError(connection, f"{host} is not known to DNS") from None
        if (host, port) not in self._trusted:
            for address in addresses:
                if not is_public_address(address):
                    raise FetchError(
                        "bad_redirect", f"{host} leads to {address}, which is not public"
                    )
        addresses = addresses[:MAX_ADDRESSES]
        total = connection.timeout if isinstance(connection.timeout, (int, float)) else None
        timeout = total / max(1, len(addresses)) if total is not None else None
        reason = "no address"
        for address in addresses:
            try:
                wire = socket.create_connection((address, port), timeout)
            except OSError as error:
                reason = error.strerror or "timed out"
                continue
            self._note_connection()
            wire.settimeout(total)
            wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            # A second handle on the same connection: it outlives the wrapping by TLS.
            with self._lock:
                self._open.append(socket.socket(fileno=os.dup(wire.fileno())))
            if self._is_cut_for_good:
                self.cut()
            return wire
        raise NewConnectionError(connection, f"cannot connect to {host}: {reason}")

    def cut(self, *, for_good: bool = False) -> None:
        """Shut down every connection; whoever reads from one gets an error at once."""
        self._is_cut_for_good |= for_good
        with self._lock:
            wires, self._open = self._open, []
        for wire in wires:
            with contextlib.suppress(OSError):
                wire.shutdown(socket.SHUT_RDWR)
            wire.close()


class _GuardedAdapter(HTTPAdapter):
    """Requests' adapter, with every connection made through ``_Wires``."""

    def __init__(self, wires: _Wires) -> None:
        class Plain(HTTPConnection):
            def _new_conn(self) -> socket.socket:
                return wires.connect(self)

        class Secure(HTTPSConnection):
            def _new_conn(self) -> socket.socket:
                return wires.connect(self)

        class PlainPool(HTTPConnectionPool):
            ConnectionCls = Plain

        class SecurePool(HTTPSConnectionPool):
            ConnectionCls = Secure

        self._pools = {"http": PlainPool, "https": SecurePool}
        super().__init__(max_retries=0)

    def init_poolmanager(self, *arguments: Any, **named: Any) -> None:
        super().init_poolmanager(*arguments, **named)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, proxy: str, **named: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **named)
        manager.pool_classes_by_scheme = self._pools
        return manager


class _Inflater:
    """Undo Content-Encoding piece by piece, so that a bomb meets the cap before the memory."""

    def __init__(self, encoding: str) -> None:
        if encoding not in ("", "identity", "gzip", "x-gzip"):
            raise FetchError("unexpected_content", f"unasked Content-Encoding {encoding!r}")
        self._gzip = zlib.decompressobj(31) if encoding.endswith("gzip") else None

    def pieces(self, chunk: bytes) -> Iterator[bytes]:
        if self._gzip is None:
            yield chunk
            return
        is_more = True
        while is_more:
            if self._gzip.eof:  # the next member of the same body
                self._gzip = zlib.decompressobj(31)
            try:
                piece = self._gzip.decompress(chunk, PIECE_BYTES)
            except zlib.error:
                raise FetchError("unexpected_content", "the gzip body is damaged") from None
            yield piece
            chunk = self._gzip.unused_data if self._gzip.eof else self._gzip.unconsumed_tail
            # A full piece may leave output behind even when all input is taken.
            is_more = bool(chunk) or (len(piece) == PIECE_BYTES and not self._gzip.eof)

    @property
    def is_complete(self) -> bool:
        return self._gzip is None or self._gzip.eof


@dataclass(kw_only=True)
class Client:
    """What all sources of a run share: the mirror, the rate limits, robots.txt, the identity.

    Parameters
    ----------
    mirror : str, optional
        ``MIRROR/HOST/PATH?QUERY`` is asked instead of ``https://HOST/PATH?QUERY``; robots.txt and
        rate limits do not apply then.
    limits : Limits
        Deadlines and retries.
    environment : Mapping
        Where contact, proxies, certificate bundle and keys are read.
    spool_folder : Path, optional
        Where bodies over 1 MiB lie while they are read; by default the system's folder.

    Examples
    --------
    >>> with Client(mirror=None).session(source) as session:  # doctest: +SKIP
    ...     answer = session.fetch(request)
    """

    mirror: str | None = None
    limits: Limits = field(default_factory=Limits)
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)
    spool_folder: Path | None = None
    resolve: Callable[[str, int], list[str]] | None = None
    sleep: Callable[[float], None] = time.sleep
    adapter: Callable[[], BaseAdapter] | None = None  # in tests: answers without a wire
    _unreached: set[str] = field(default_factory=set, init=False)
    _has_connected: bool = field(default=False, init=False)
    _started: float = field(default_factory=time.monotonic, init=False)
    _turns: dict[str, float] = field(default_factory=dict, init=False)
    _robots: dict[str, Protego] = field(default_factory=dict, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def __post_init__(self) -> None:
        if self.mirror is not None:
            parts = urlsplit(self.mirror)
            if parts.scheme not in ("http", "https") or not parts.hostname:
                raise ValueError(f"mirror {self.mirror!r} is not an http(s) URL")

    def session(self, source: Source) -> Session:
        """Return the session of one source; its 60 s begin now."""
        return Session(self, source)

    def note_connection(self) -> None:
        """Remember that there is a network."""
        self._has_connected = True

    def note_unreached(self, host: str) -> None:
        """Remember a host to which no connection could be made."""
        with self._lock:
            self._unreached.add(host)

    @property
    def is_offline(self) -> bool:
        """Whether nobody can be reached: then asking everybody four times is a waste of time."""
        is_late = time.monotonic() - self._started >= self.limits.offline_after_seconds
        return is_late and not self._has_connected and len(self._unreached) >= OFFLINE_AFTER_HOSTS

    def seconds_to_wait(self, host: str, interval_seconds: float) -> float:
        """Reserve the next turn at a host and return how long it is until then [s]."""
        with self._lock:
            now = time.monotonic()
            turn = max(now, self._turns.get(host, now))
            self._turns[host] = turn + interval_seconds
            return turn - now


class Session:
    """The requests of one source, one after the other, under one deadline. A context manager."""

    def __init__(self, client: Client, source: Source) -> None:
        self._client = client
        self._source = source
        self._limits = client.limits
        self._ends = time.monotonic() + client.limits.total_seconds
        self._lost_hosts: set[str] = set()  # no connection after all tries
        self._proxies = self._proxies_of_the_environment()
        chosen = [*self._proxies.values(), *([client.mirror] if client.mirror else [])]
        self.secrets = Secrets(source, client.environment, chosen)
        self._wires = _Wires(
            {_origin(url)[1:] for url in chosen}, self._resolve, client.note_connection
        )
        self._user_agent = user_agent(client.environment)
        # Not a requests.Session: that reads .netrc, and the whole body of every redirect.
        self._adapter = client.adapter() if client.adapter else _GuardedAdapter(self._wires)
        environment = client.environment
        self._verify: str | bool = (
            environment.get("REQUESTS_CA_BUNDLE") or environment.get("SSL_CERT_FILE") or True
        )
        self._alarm = threading.Timer(client.limits.total_seconds, self._wires.cut, [], _FOR_GOOD)
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
        """Return what is left of the source's total [s]."""
        return self._ends - time.monotonic()

    def fetch(self, request: Request, known: Validators | None = None) -> Answer:
        """Return the answer to a request, after as many tries as it is worth.

        Parameters
        ----------
        request : Request
            What to ask; its secrets are sent only over TLS and only to the host of its URL.
        known : Validators, optional
            The version that is already kept: the answer may then be "unchanged" (status 304).

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
            self._lost_hosts.add(_host(mirrored(request.url, self._client.mirror)))
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
        pause = random.uniform(0, cap)  # full jitter: many clients must not come back as one
        if failure.retry_after_seconds is not None:
            if failure.retry_after_seconds > limits.retry_after_cap_seconds:
                return None
            pause = failure.retry_after_seconds + pause
        return pause if pause < self.seconds_left() else None

    def _attempt(self, request: Request, known: Validators | None) -> Answer:
        try:
            if self.seconds_left() <= 0:
                raise FetchError("timeout", "not asked")
            if _host(mirrored(request.url, self._client.mirror)) in self._lost_hosts:
                raise FetchError("unreachable", "not asked: the host could not be reached before")
            if self._client.is_offline:
                raise FetchError("unreachable", "not asked: no host at all can be reached")
            response = self._after_redirects(request, known)
            with contextlib.closing(response):
                return self._answer(request, response, known)
        except requests.RequestException as error:
            failure = self._failure(error)
        except WireError as error:
            failure = self._failure(error)
        except FetchError as error:
            failure = error
        # Raised here, outside the handlers: their exceptions hold the URL with its secrets.
        failure.__context__ = failure.__cause__ = None
        failure.__traceback__ = None
        if failure.is_without_connection:
            self._client.note_unreached(_host(mirrored(request.url, self._client.mirror)))
        if self.seconds_left() <= 0 and failure.error_class != "too_large":
            failure = FetchError(
                "timeout", f"the {self._limits.total_seconds:g} s of this source are used up"
            )
        if not failure.is_transient or failure.status is None:
            self._wires.cut()
        raise failure

    def _after_redirects(self, request: Request, known: Validators | None) -> requests.Response:
        url = mirrored(request.url, self._client.mirror)
        self._check_target(request, request.url)
        for _ in range(MAX_HOPS + 1):
            response = self._send(request, url, known)
            if response.status_code not in REDIRECT_STATUSES:
                return response
            target = urljoin(url, response.headers.get("Location", ""))
            response.close()
            if request.method == "POST" and response.status_code not in (307, 308):
                raise FetchError(
                    "bad_redirect",
                    f"HTTP {response.status_code} to {_bare(target)}: the question would be lost",
                )
            if self._client.mirror and _origin(target) == _origin(self._client.mirror):
                url = target
            else:
                self._check_target(request, target)
                url = mirrored(target, self._client.mirror)
        raise FetchError("bad_redirect", f"more than {MAX_HOPS} redirects")

    def _check_target(self, request: Request, url: str) -> None:
        """Refuse an address that the source did not declare, before anything is sent to it."""
        parts = urlsplit(url)
        host = (parts.hostname or "").lower()
        if is_address(host) and not is_public_address(host):
            raise FetchError("bad_redirect", f"refused to go to {host}: not a public address")
        if parts.scheme != "https":
            raise FetchError("bad_redirect", f"refused to go to {_bare(url)}: not https")
        if host not in self._source.allowed_hosts:
            raise FetchError("bad_redirect", f"refused to go to {host}: not a declared host")
        is_page = self._source.kind == "page" and request.key != ROBOTS_KEY
        if is_page and not self._client.mirror:
            robots = self._robots_of(f"https://{parts.netloc}/{ROBOTS_KEY}")
            if not robots.can_fetch(url, "truecost"):
                raise FetchError("robots", f"robots.txt of {host} disallows it")

    def _robots_of(self, url: str) -> Protego:
        known = self._client._robots.get(url)
        if known is None:
            asked = Request(key=ROBOTS_KEY, url=url, max_bytes=ROBOTS_MAX_BYTES)
            try:
                answer = self._attempt(asked, None)
                assert answer.body is not None
                with answer.body as body:
                    known = Protego.parse(body.read().decode("utf-8", "replace"))
            except FetchError as error:
                # RFC 9309 2.3.1: a client error means "no rules", anything else "keep out".
                if error.status is None and error.error_class != "empty":
                    raise
                has_no_rules = error.error_class == "empty" or 400 <= (error.status or 0) < 500
                if not has_no_rules or error.status == 429:
                    raise FetchError(
                        "robots", f"robots.txt cannot be read: {error.message}", is_transient=True
                    ) from None
                known = Protego.parse("")
            self._client._robots[url] = known
        return known

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
            proxies={} if self._is_direct(url) else self._proxies,
        )

    def _wait_for_turn(self, host: str, netloc: str) -> None:
        if self._client.mirror:
            return
        interval = 1 / self._source.requests_per_second
        robots = self._client._robots.get(f"https://{netloc}/{ROBOTS_KEY}")
        delay = robots.crawl_delay("truecost") if robots else None
        interval = max(interval, min(delay or 0.0, CRAWL_DELAY_CAP_SECONDS))
        wait = self._client.seconds_to_wait(host, interval)
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
            raise FetchError("source_gone", f"HTTP {status}: it is no longer there", status=status)
        if status != 200:
            raise FetchError(
                "rate_limited" if status == 429 else "http_error",
                f"HTTP {status}",
                status=status,
                is_transient=status in TRANSIENT_STATUSES,
                retry_after_seconds=retry_after_seconds(
                    response.headers.get("Retry-After"), datetime.now(UTC)
                ),
            )
        body, byte_count = self._body(request, response)
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
        warning = "the answer repeats our key: masked before it was kept"
        return self._described(response, body, byte_count, warning)

    def _described(
        self, response: requests.Response, body: IO[bytes] | None, byte_count: int, *warnings: str
    ) -> Answer:
        redact = self.secrets.redact
        return Answer(
            status=response.status_code,
            body=body,
            byte_count=byte_count,
            content_type=redact(response.headers.get("Content-Type", "")),
            etag=redact(response.headers.get("ETag", "")),
            last_modified=redact(response.headers.get("Last-Modified", "")),
            warnings=warnings,
        )

    def _body(self, request: Request, response: requests.Response) -> tuple[IO[bytes], int]:
        declared = response.headers.get("Content-Length", "")
        cap = request.max_bytes
        if declared.isdecimal() and int(declared) > cap:
            raise FetchError("too_large", f"{declared} bytes announced, {cap} allowed", status=200)
        inflater = _Inflater(response.headers.get("Content-Encoding", "").strip().lower())
        folder = str(self._client.spool_folder) if self._client.spool_folder else None
        # Closed by whoever gets the answer.
        body = tempfile.SpooledTemporaryFile(SPOOL_BYTES, dir=folder)  # noqa: SIM115
        received = kept = 0
        try:
            while chunk := response.raw.read1(CHUNK_BYTES, decode_content=False):
                received += len(chunk)
                for piece in inflater.pieces(chunk):
                    kept += len(piece)
                    if max(received, kept) > cap:
                        raise FetchError("too_large", f"over {cap} bytes", status=200)
                    body.write(piece)
                if self.seconds_left() <= 0:
                    raise FetchError("timeout", "too slow")
            is_short = declared.isdecimal() and received < int(declared)
            if is_short or not inflater.is_complete:
                raise FetchError(
                    "truncated", f"the body ends after {received} bytes", is_transient=True
                )
        except BaseException:
            body.close()
            raise
        body.seek(0)
        return body, kept

    def _failure(self, error: requests.RequestException | WireError) -> FetchError:
        """Return what went wrong, without a word of the original text: it may hold a key."""
        read = self._limits.read_seconds
        match error:
            case requests.exceptions.SSLError():
                return FetchError("unreachable", "the TLS certificate or handshake is not valid")
            case requests.exceptions.ProxyError():
                return FetchError("unreachable", "the proxy does not answer", is_transient=True)
            case requests.exceptions.ConnectTimeout():
                return FetchError(
                    "unreachable",
                    "no connection in time",
                    is_transient=True,
                    is_without_connection=True,
                )
            case requests.exceptions.ReadTimeout() | ReadTimeoutError():
                return FetchError("timeout", f"no byte for {read:g} s")
            case requests.exceptions.ConnectionError():
                reason = _no_connection_reason(error)
                return FetchError(
                    "unreachable",
                    reason or "the connection was closed without an answer",
                    is_transient=True,
                    is_without_connection=reason is not None,
                )
            case WireError() | requests.exceptions.ChunkedEncodingError():
                return FetchError("truncated", "the connection broke", is_transient=True)
            case _:
                return FetchError("unreachable", f"cannot ask: {type(error).__name__}")

    def _resolve(self, host: str, port: int) -> list[str]:
        if self._client.resolve:
            return self._client.resolve(host, port)
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return list(dict.fromkeys(str(entry[4][0]) for entry in found))

    def _proxies_of_the_environment(self) -> dict[str, str]:
        environment = self._client.environment
        proxies = {}
        for scheme in ("http", "https"):
            name = f"{scheme}_proxy"
            value = environment.get(name) or environment.get(name.upper())
            if value:
                proxies[scheme] = value if "://" in value else f"http://{value}"
        return proxies

    def _is_direct(self, url: str) -> bool:
        environment = self._client.environment
        exceptions = environment.get("no_proxy") or environment.get("NO_PROXY") or ""
        if not self._proxies:
            return True
        is_loopback = urlsplit(url).hostname in ("127.0.0.1", "::1", "localhost")
        return is_loopback or bool(requests.utils.should_bypass_proxies(url, exceptions))


_FOR_GOOD = {"for_good": True}


def _origin(url: str) -> tuple[str, str, int]:
    parts = urlsplit(url)
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme, 0)
    return parts.scheme, (parts.hostname or "").lower(), port


def _bare(url: str) -> str:
    """Return scheme, host and path only: the rest may hold a key."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname or ''}{parts.path}"[:200]


def _host(url: str) -> str:
    return urlsplit(url).netloc


def _no_connection_reason(error: requests.RequestException) -> str | None:
    """Return why there was no connection at all: our own words, which name no URL; else None."""
    inner: object = error.args[0] if error.args else None
    inner = getattr(inner, "reason", inner)
    if isinstance(inner, NewConnectionError):
        return str(inner).partition(": ")[2]
    return None


def fingerprint(request: Request) -> str:
    """Return what makes two requests the same question: method, URL and body.

    Examples
    --------
    >>> fingerprint(Request(key="a", url="https://example.org/"))
    'GET https://example.org/'
    """
    body = json.dumps(request.json_body, sort_keys=True) if request.json_body is not None else ""
    return f"{request.method} {request.url} {body}".rstrip()

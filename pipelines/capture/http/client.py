"""The client that all sources of a run share.

Limits, turns at a host and the state of the network belong here. One source's requests belong to
``session``, what to request to ``sources``, and keeping the answer to ``capture.landing``.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from requests.adapters import BaseAdapter

from pipelines.capture.http.robots import Robots
from pipelines.capture.http.session import Session
from pipelines.capture.http.wires import resolve
from pipelines.sources.base import Source

OFFLINE_AFTER_HOSTS = 5  # unreachable while no other host is reached: the network is down

# At DEBUG urllib3 logs the whole request line, and with it a key in the query.
logging.getLogger("urllib3.connectionpool").setLevel(logging.INFO)


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Deadlines [s] and numbers of tries."""

    connect_seconds: float = 5.0
    read_seconds: float = 20.0
    total_seconds: float = 60.0  # for all requests of one source together
    tries: int = 4
    backoff_seconds: float = 0.5  # the first pause is drawn from 0 to this, then it doubles
    backoff_cap_seconds: float = 8.0
    retry_after_cap_seconds: float = 30.0
    offline_after_seconds: float = 5.0  # without one connection, before the network counts as down


@dataclass(kw_only=True)
class Client:
    """What all sources of a run share: mirror, rate limits, robots.txt, identity.

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
    resolve: Callable[[str, int], list[str]] = resolve
    sleep: Callable[[float], None] = time.sleep
    adapter: Callable[[], BaseAdapter] | None = None  # in tests: answers without a wire
    _unreached: set[str] = field(default_factory=set, init=False)
    _has_connected: bool = field(default=False, init=False)
    _started: float = field(default_factory=time.monotonic, init=False)
    _turns: dict[str, float] = field(default_factory=dict, init=False)
    robots: Robots = field(default_factory=Robots, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def __post_init__(self) -> None:
        if self.mirror is not None:
            try:
                parts = urlsplit(self.mirror)
                is_address = parts.scheme in ("http", "https") and bool(parts.hostname)
                _ = parts.port  # raises ValueError
            except ValueError:
                is_address = False
            if not is_address:
                raise ValueError(f"mirror {self.mirror!r} is not an http(s) URL")

    def session(self, source: Source) -> Session:
        """Return the session of one source; its total time starts now."""
        return Session(self, source)

    def note_connection(self) -> None:
        """Record that a connection was made, so that the network is up."""
        self._has_connected = True

    def note_unreached(self, host: str) -> None:
        """Record a host to which no connection could be made."""
        with self._lock:
            self._unreached.add(host)

    @property
    def is_offline(self) -> bool:
        """Whether the network is down, so that retries are useless."""
        is_late = time.monotonic() - self._started >= self.limits.offline_after_seconds
        return is_late and not self._has_connected and len(self._unreached) >= OFFLINE_AFTER_HOSTS

    def seconds_to_wait(self, host: str, interval_seconds: float) -> float:
        """Reserve the next turn at a host and return how long it is until then [s]."""
        with self._lock:
            now = time.monotonic()
            turn = max(now, self._turns.get(host, now))
            self._turns[host] = turn + interval_seconds
            return turn - now

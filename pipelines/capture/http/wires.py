"""Sockets: connections to public addresses only, which can be closed from another thread.

This is the only module that opens a socket. What is sent over it belongs to ``session``.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Callable
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import NewConnectionError

from pipelines.capture.http.addresses import is_public_address
from pipelines.capture.http.errors import FetchError

MAX_ADDRESSES = 4  # of one name, tried within one connect deadline


class Wires:
    """The sockets of one session, checked before they connect and closed all at once.

    A read timeout does not stop a server that sends one byte a second in the body, the headers or
    the TLS handshake. Shutting the socket down from another thread does.

    Parameters
    ----------
    trusted : set of (str, int)
        Hosts and ports that need not be public: proxies and mirrors that the user chose.
    resolve : callable
        From a host and a port to its addresses.
    note_connection : callable
        Called after each connection.
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
        """Resolve a name once, check every address, and connect to one of them.

        Raises
        ------
        FetchError
            If an address is not public and the host is not trusted.
        NewConnectionError
            If the name is unknown or no address answers.
        """
        host, port = connection.host.strip("[]"), connection.port or 0
        try:
            addresses = self._resolve(host, port)
        except (OSError, UnicodeError):  # a label of over 63 characters
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
            # A second handle on the same connection: TLS replaces the first one.
            with self._lock:
                self._open.append(socket.socket(fileno=os.dup(wire.fileno())))
            if self._is_cut_for_good:
                self.cut()
            return wire
        raise NewConnectionError(connection, f"cannot connect to {host}: {reason}")

    def cut(self, *, for_good: bool = False) -> None:
        """Shut down every connection; a thread that reads from one gets an error at once."""
        self._is_cut_for_good |= for_good
        with self._lock:
            wires, self._open = self._open, []
        for wire in wires:
            with contextlib.suppress(OSError):
                wire.shutdown(socket.SHUT_RDWR)
            wire.close()


class GuardedAdapter(HTTPAdapter):
    """The adapter of requests, with every connection made through ``Wires``."""

    def __init__(self, wires: Wires) -> None:
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
        """Use the guarded pools."""
        super().init_poolmanager(*arguments, **named)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, proxy: str, **named: Any) -> Any:
        """Use the guarded pools for a proxy too."""
        manager = super().proxy_manager_for(proxy, **named)
        manager.pool_classes_by_scheme = self._pools
        return manager


def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a host, in the order in which the system prefers them.

    Raises
    ------
    OSError
        If the name is unknown.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))

"""A small web server that misbehaves on demand, used as the mirror of a source."""

from __future__ import annotations

import contextlib
import gzip
import shlex
import shutil
import ssl
import subprocess
import threading
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self

import pytest

Play = Callable[["_Handler"], None]


class FaultServer:
    """Answer each path with its list of plays, one per request; the last one repeats.

    A path is ``HOST/PATH?QUERY`` as a mirror is asked, or its beginning. With a context it speaks
    TLS, and then receives the keys of sources.
    """

    def __init__(
        self, plays: dict[str, list[Play]] | None = None, context: ssl.SSLContext | None = None
    ) -> None:
        self.plays = dict(plays or {})
        self.hits: Counter[str] = Counter()
        self.headers: list[dict[str, str]] = []
        self.requested: list[str] = []
        self.bodies: list[bytes] = []
        self.closing = threading.Event()
        outer = self

        class Handler(_Handler):
            server_of_faults = outer

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._scheme = "https" if context else "http"
        if context:
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self._server.server_address[1]}"

    def play_for(self, path: str) -> Play | None:
        names = [name for name in self.plays if path.startswith(name)]
        if not names:
            return None
        name = max(names, key=len)
        self.hits[name] += 1
        plays = self.plays[name]
        return plays[min(self.hits[name], len(plays)) - 1]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    server_of_faults: FaultServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        server = self.server_of_faults
        length = int(self.headers.get("Content-Length") or 0)
        server.bodies.append(self.rfile.read(length) if length else b"")
        server.headers.append(dict(self.headers.items()))
        server.requested.append(request_text(self))
        play = server.play_for(self.path.lstrip("/"))
        if play is None:
            self.answer(404, b"no such path", {})
        else:
            play(self)

    do_POST = do_GET  # noqa: N815

    def answer(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass

    def handle(self) -> None:
        with contextlib.suppress(OSError):  # the client goes away: that is what plays are about
            super().handle()


SELF_SIGNED = (
    "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1"
    " -keyout key.pem -out certificate.pem"
    " -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1"
)


def self_signed(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """Return the TLS context of a server on 127.0.0.1, and the certificate that clients trust."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl to make a certificate with")
    subprocess.run(shlex.split(SELF_SIGNED), cwd=folder, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
    return context, folder / "certificate.pem"


def request_text(handler: _Handler) -> str:
    """Return the address and the headers of a request as text."""
    return " ".join([handler.path, *(f"{name}: {text}" for name, text in handler.headers.items())])


def body(content: bytes, content_type: str = "application/json", **headers: str) -> Play:
    """Answer 200 with these bytes."""
    return status(200, content, Content_Type=content_type, **headers)


def status(code: int, content: bytes = b"refused", **headers: str) -> Play:
    """Answer with this status."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda handler: handler.answer(code, content, named)


def redirect(location: str) -> Play:
    """Send the client elsewhere."""
    return status(302, b"", Location=location)


def truncated(content: bytes) -> Play:
    """Announce all, send the first half, close."""

    def play(handler: _Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content[: len(content) // 2])
        handler.close_connection = True

    return play


def truncated_chunks(content: bytes) -> Play:
    """Send one chunk of a chunked body and close without the last."""

    def play(handler: _Handler) -> None:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        handler.wfile.write(f"{len(content):x}\r\n".encode() + content + b"\r\n")
        handler.close_connection = True

    return play


def truncated_gzip(content: bytes) -> Play:
    """Send half of a gzip body under a matching Content-Length."""
    packed = gzip.compress(content)
    return body(packed[: len(packed) // 2], Content_Encoding="gzip")


def reset(handler: _Handler) -> None:
    """Close the connection without an answer."""
    handler.close_connection = True
    handler.connection.close()


def hang(handler: _Handler) -> None:
    """Accept the request and never answer."""
    handler.server_of_faults.closing.wait(30)
    handler.close_connection = True


def drip_body(handler: _Handler) -> None:
    """Send one byte of the body at a time, for ever."""
    handler.send_response(200)
    handler.send_header("Content-Length", "100000")
    handler.end_headers()
    while not handler.server_of_faults.closing.wait(0.05):
        handler.wfile.write(b"x")


def drip_headers(handler: _Handler) -> None:
    """Send one byte of the headers at a time, for ever."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
    while not handler.server_of_faults.closing.wait(0.05):
        handler.wfile.write(b"x")


def endless(handler: _Handler) -> None:
    """Send a body that does not say its length and does not end."""
    handler.send_response(200)
    handler.end_headers()
    handler.close_connection = True
    while not handler.server_of_faults.closing.is_set():
        handler.wfile.write(b"x" * 65536)


def huge(handler: _Handler) -> None:
    """Announce 3 GB."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(3 * 10**9))
    handler.end_headers()
    handler.wfile.write(b"x")
    handler.close_connection = True


BOMB_MEMBER = gzip.compress(bytes(2**20), 9)


def bomb(handler: _Handler) -> None:
    """Send a gzip body that inflates to 1 GiB."""
    handler.send_response(200)
    handler.send_header("Content-Encoding", "gzip")
    handler.send_header("Content-Length", str(len(BOMB_MEMBER) * 1024))
    handler.end_headers()
    for _ in range(1024):
        handler.wfile.write(BOMB_MEMBER)


def versioned(content: bytes, etag: str) -> Play:
    """Answer 304 to a client that knows this version."""

    def play(handler: _Handler) -> None:
        if handler.headers.get("If-None-Match") == etag:
            handler.send_response(304)
            handler.send_header("ETag", etag)
            handler.end_headers()
        else:
            body(content, ETag=etag)(handler)

    return play

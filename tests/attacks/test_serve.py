"""``truecost serve`` on the wire: hostile requests, and clients that neither ask nor read.

The server is that of ``truecost serve``; what it answers is invented. Its questions have tests of
their own (``tests/pipelines/doors``).
"""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

SERVER = """
from pipelines.doors import web

web.ASKING_SECONDS, web.READING_SECONDS, web.MOST_REQUESTS = 0.5, 0.5, 8

def ask(name, parameters):
    if "large" in parameters:
        return {"answer": "x" * 2**25}
    return {"answer": {key: [len(one) for one in values] for key, values in parameters.items()}}

app = web.application(
    questions=["offers"], pages={"metrics": "text/plain"}, ask=ask,
    page=lambda name, parameters: "page", health=lambda: {}, refusal=ValueError,
)
web.serve(app, 0, lambda address: print(address, flush=True))
"""
SECONDS = 60.0  # a busy machine must not reach it


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Yield the port of a server."""
    process = subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline().strip().rpartition(":")[2])
    finally:
        process.terminate()
        process.communicate()


def connected(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=SECONDS)


def answer(port: int, request: str) -> tuple[int, str]:
    """Return status and body of a request that is sent as it stands, but for the port."""
    with connected(port) as client:
        with contextlib.suppress(OSError):  # refused before it was sent whole
            client.sendall(request.replace("PORT", str(port)).encode("latin-1"))
        received = b""
        with contextlib.suppress(ConnectionResetError):
            while chunk := client.recv(2**16):
                received += chunk
    head, _, body = received.partition(b"\r\n\r\n")
    assert b"access-control-allow-origin" not in head.lower()
    return int(head.split()[1]), body.decode()


HOST = "Host: 127.0.0.1:PORT\r\nConnection: close\r\n"
REQUESTS = {
    "without a host, HTTP/1.0": ("GET /health HTTP/1.0\r\n", 403),
    "without a host": ("GET /health HTTP/1.1\r\nConnection: close\r\n", 400),
    "two hosts": (f"GET /health HTTP/1.1\r\n{HOST}Host: evil.example\r\n", 400),
    "a dot after the host": ("GET /health HTTP/1.0\r\nHost: 127.0.0.1.:PORT\r\n", 403),
    "a user before the host": ("GET /health HTTP/1.0\r\nHost: a@127.0.0.1:PORT\r\n", 403),
    "the host as a number": ("GET /health HTTP/1.0\r\nHost: 2130706433:PORT\r\n", 403),
    "the host without its port": ("GET /health HTTP/1.0\r\nHost: 127.0.0.1\r\n", 403),
    "another name of this machine": ("GET /health HTTP/1.0\r\nHost: 0.0.0.0:PORT\r\n", 403),
    "origin null": (f"GET /health HTTP/1.1\r\n{HOST}Origin: null\r\n", 403),
    "origin of another port": (
        f"GET /health HTTP/1.1\r\n{HOST}Origin: http://127.0.0.1:1\r\n",
        403,
    ),
    "as an image": (
        f"GET /health HTTP/1.1\r\n{HOST}Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\n",
        403,
    ),
    "as a frame": (
        f"GET /health HTTP/1.1\r\n{HOST}Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\n"
        "Sec-Fetch-Dest: iframe\r\n",
        403,
    ),
    "as a script of another port": (
        f"GET /health HTTP/1.1\r\n{HOST}Sec-Fetch-Site: same-site\r\nSec-Fetch-Dest: script\r\n",
        403,
    ),
    "a host that a proxy names": (
        f"GET /health HTTP/1.1\r\n{HOST}X-Forwarded-Host: evil.example\r\n",
        200,
    ),
    "TRACE": (f"TRACE /health HTTP/1.1\r\n{HOST}", 405),
    "PUT": (f"PUT /health HTTP/1.1\r\n{HOST}Content-Length: 0\r\n", 405),
    "POST whose body never comes": (
        f"POST /health HTTP/1.1\r\n{HOST}Content-Length: 99999999\r\n",
        405,
    ),
    "CONNECT": (f"CONNECT evil.example:80 HTTP/1.1\r\n{HOST}", 405),
    "an unknown method": (f"FETCH /health HTTP/1.1\r\n{HOST}", 405),
    "HTTP/2": ("PRI * HTTP/2.0\r\n", 403),
    "no HTTP": ("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n", 400),
    "a socket": (
        "GET /health HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        "Sec-WebSocket-Version: 13\r\n",
        403,
    ),
    "two lengths": (
        f"GET /health HTTP/1.1\r\n{HOST}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"
        "Content-Length: 6\r\n",
        400,
    ),
    "a path with dots": (f"GET /v1/../../etc/passwd HTTP/1.1\r\n{HOST}", 404),
    "dots in hexadecimal": (f"GET /v1/..%2f..%2fetc%2fpasswd HTTP/1.1\r\n{HOST}", 404),
    "NUL in a path": (f"GET /v1/offers%00 HTTP/1.1\r\n{HOST}", 404),
    "a path of another host": (f"GET //evil.example/health HTTP/1.1\r\n{HOST}", 404),
    "no UTF-8 in a path": (f"GET /v1/%ff%fe HTTP/1.1\r\n{HOST}", 404),
    "no UTF-8 in a value": (f"GET /v1/offers?gpu=%ff%zz HTTP/1.1\r\n{HOST}", 200),
    "an address of 1 MB": (f"GET /v1/offers?gpu={'a' * 1_000_000} HTTP/1.1\r\n{HOST}", 400),
    "a header of 2 MB": (f"GET /health HTTP/1.1\r\n{HOST}X: {'a' * 2_000_000}\r\n", 400),
    "50,000 headers": (
        f"GET /health HTTP/1.1\r\n{HOST}" + "".join(f"X{n}: a\r\n" for n in range(50_000)),
        400,
    ),
}


@pytest.mark.parametrize("attack", REQUESTS)
def test_a_hostile_request_gets_one_refusal(port: int, attack: str) -> None:
    request, expected = REQUESTS[attack]
    status, body = answer(port, f"{request}\r\n")
    assert status == expected
    assert len(body) < 1000 and body.count("\n") <= 1
    assert answer(port, f"GET /health HTTP/1.1\r\n{HOST}\r\n") == (200, '{"status": "ok"}')


def test_a_redirect_leads_to_this_server(port: int) -> None:
    with connected(port) as client:
        client.sendall(
            b"GET //evil.example/..//v1/offers/ HTTP/1.0\r\nHost: 127.0.0.1:%d\r\n\r\n" % port
        )
        assert b"location: http://evil" not in client.recv(2**16).lower()


def ended(client: socket.socket) -> bool:
    """Return whether the server ends a connection, after whatever it still sends."""
    with contextlib.suppress(ConnectionResetError):
        while client.recv(2**20):
            pass
    return True


def begun(port: int) -> list[socket.socket]:
    """Return as many connections as are served at once, each with a request that does not end."""
    clients = [connected(port) for _ in range(8)]
    for client in clients:
        client.sendall(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nX: " % port)
    return clients


def test_clients_that_never_ask_do_not_keep_others_out(port: int) -> None:
    clients = begun(port)
    assert all(map(ended, clients))
    assert answer(port, f"GET /health HTTP/1.1\r\n{HOST}\r\n")[0] == 200
    for client in clients:
        client.close()


def test_clients_that_ask_a_second_time_slowly_do_not_either(port: int) -> None:
    clients = [connected(port) for _ in range(4)]
    for client in clients:
        client.sendall(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\nGET /hea" % port)
        assert client.recv(2**16).startswith(b"HTTP/1.1 200")
    assert all(map(ended, clients))
    for client in clients:
        client.close()


def test_clients_that_do_not_read_do_not_keep_others_out(port: int) -> None:
    with contextlib.ExitStack() as opened:
        for _ in range(8):
            client = opened.enter_context(connected(port))
            client.sendall(b"GET /v1/offers?large=1 HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % port)
        for _ in range(1000):
            status, _ = answer(port, f"GET /health HTTP/1.1\r\n{HOST}\r\n")
            if status == 200:
                return
            assert status == 503
            time.sleep(0.05)
    raise AssertionError("they are never dropped")


def test_a_body_that_never_ends_is_not_read(port: int) -> None:
    with connected(port) as client:
        client.sendall(
            b"GET /health HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nTransfer-Encoding: chunked\r\n\r\n"
            % port
            + b"FFFFFFF\r\n"
            + b"x" * 100_000
        )
        received = client.recv(2**16)
        assert received.startswith(b"HTTP/1.1 200")
        assert ended(client)
    assert json.loads(answer(port, f"GET /v1/offers?gpu=H100 HTTP/1.1\r\n{HOST}\r\n")[1])

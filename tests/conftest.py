"""What every test may lean on: no network, the recorded payloads, a server that replays them."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

LOCAL_HOSTS = {"127.0.0.1", "::1", "localhost", "", None}


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fail a test that reaches for anything but this machine, even if it swallows the error."""
    attempts: list[str] = []

    def is_local(host: object) -> bool:
        name = host.decode() if isinstance(host, bytes) else host
        return name in LOCAL_HOSTS

    def refuse(target: object) -> OSError:
        attempts.append(str(target))
        return OSError(f"no network in tests: {target}")

    connect, connect_ex = socket.socket.connect, socket.socket.connect_ex
    getaddrinfo = socket.getaddrinfo

    def guarded_connect(self: socket.socket, address: Any) -> None:
        if self.family != socket.AF_UNIX and not is_local(address[0]):
            raise refuse(address)
        connect(self, address)

    def guarded_connect_ex(self: socket.socket, address: Any) -> int:
        if self.family != socket.AF_UNIX and not is_local(address[0]):
            raise refuse(address)
        return connect_ex(self, address)

    def guarded_getaddrinfo(host: Any, *rest: Any, **named: Any) -> Any:
        if not is_local(host):
            raise refuse(host)
        return getaddrinfo(host, *rest, **named)

    monkeypatch.setattr(socket.socket, "connect", guarded_connect)
    monkeypatch.setattr(socket.socket, "connect_ex", guarded_connect_ex)
    monkeypatch.setattr(socket, "getaddrinfo", guarded_getaddrinfo)
    yield
    if attempts:
        pytest.fail(f"the test reached for the network: {', '.join(attempts)}")


@pytest.fixture(scope="session")
def recorded() -> Path:
    """Return the folder that holds payloads/, golden/ and replay/; skip where it is absent."""
    beside_the_repository = Path(__file__).resolve().parents[2] / "shared"
    folder = Path(os.environ.get("TRUECOST_RECORDED") or beside_the_repository)
    if not (folder / "payloads" / "index.csv").is_file():
        pytest.skip(f"no recorded payloads in {folder}; set TRUECOST_RECORDED")
    return folder


@pytest.fixture(scope="session")
def replay_server(recorded: Path) -> Iterator[str]:
    """Start the replay server on a free port; give its URL; stop it again."""
    command = [sys.executable, str(recorded / "replay" / "serve.py"), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.kill()  # it keeps nothing, and may have inherited that a polite end is ignored

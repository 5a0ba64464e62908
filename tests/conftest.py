"""What every test gets: no network, examples for properties, and fixtures that several rooms use.

Fixtures of one room belong into that room's own ``conftest.py``.
"""

from __future__ import annotations

import fcntl
import gc
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import settings

from pipelines.capture import parsers

LOCAL_HOSTS = {"127.0.0.1", "::1", "localhost", "", None}

# `make test` tries few examples, `make test-all` many (--hypothesis-profile=thorough): the same
# ones every time, so that a change that passed passes again. --hypothesis-profile=explore tries
# new ones. None fails because the machine is slow.
settings.register_profile("quick", max_examples=30, deadline=None, derandomize=True)
settings.register_profile("thorough", max_examples=120, deadline=None, derandomize=True)
settings.register_profile("explore", max_examples=1000, deadline=None)
settings.load_profile("quick")

BuildOnce = Callable[[str, Callable[[Path], None]], Path]

# What collecting makes stays to the end: looking through it for garbage took a quarter of its time.
gc.disable()


def pytest_collection_finish() -> None:
    """Collect garbage from here on, of what the tests themselves make."""
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session")
def attempts() -> Iterator[list[str]]:
    """Refuse every connection that leaves this machine; list the hosts that were asked for."""
    attempts: list[str] = []
    connect, connect_ex = socket.socket.connect, socket.socket.connect_ex
    getaddrinfo = socket.getaddrinfo

    def is_local(host: object) -> bool:
        name = host.decode() if isinstance(host, bytes) else host
        return name in LOCAL_HOSTS

    def refuse(target: object) -> OSError:
        attempts.append(str(target))
        return OSError(f"no network in tests: {target}")

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

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded_connect)
        patch.setattr(socket.socket, "connect_ex", guarded_connect_ex)
        patch.setattr(socket, "getaddrinfo", guarded_getaddrinfo)
        yield attempts


@pytest.fixture(autouse=True)
def no_network(attempts: list[str]) -> Iterator[None]:
    """Fail a test that asks for another machine, even if the code under test hides the error."""
    attempts.clear()
    yield
    if attempts:
        pytest.fail(f"the test asked for the network: {', '.join(attempts)}")


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> Iterator[None]:
    """Let DuckDB work in one thread: tests run side by side, and their tables are small.

    A small build takes 4.4 s of CPU in place of 5.4. What a child process opens is left alone.
    """
    connect = duckdb.connect

    def in_one_thread(*where: Any, config: Any = None, **how: Any) -> duckdb.DuckDBPyConnection:
        return connect(*where, config={"threads": 1, **(config or {})}, **how)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(duckdb, "connect", in_one_thread)
        yield


@pytest.fixture(autouse=True)
def no_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test depend on the width of a screen: the processes of pytest-xdist set COLUMNS."""
    monkeypatch.delenv("COLUMNS", raising=False)


@pytest.fixture(scope="session")
def build_once(tmp_path_factory: pytest.TempPathFactory) -> BuildOnce:
    """Return a function that fills a folder once, for all processes of this test run.

    The first process that asks for the name builds, the others wait for it. Tests share the
    folder, so none may change it; a test that must copies what it needs first.
    """
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent  # each worker has a folder of its own in there

    def build(name: str, fill: Callable[[Path], None]) -> Path:
        folder, is_filled = base / name, base / f"{name}.filled"
        with (base / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not is_filled.exists():
                shutil.rmtree(folder, ignore_errors=True)  # left by a build that failed
                folder.mkdir()
                fill(folder)
                is_filled.touch()
        return folder

    return build


@pytest.fixture
def fresh_child() -> None:
    """Let a process that has read nothing before read the strangers' bytes of a test.

    One that has may have as much memory left over as a small limit allows, and passes none.
    """
    parsers.CHILD.close()  # the next call starts a new one


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
    """Start the replay server on a free port and return its URL; stop it after the tests."""
    command = [sys.executable, str(recorded / "replay" / "serve.py"), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.kill()  # it keeps no state, and may have inherited that SIGTERM is ignored

"""Services that the tests of the lake start: a PostgreSQL of their own, and DuckDB's extensions.

Every test that needs them is marked ``lake``: `make test-all` runs it in an environment of its own.
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from pipelines.lake import connection as lake

NEED_THE_LAKE = {"extensions", "engine"}  # fixtures: of DuckDB's extensions, of Spark


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that need DuckDB's extensions or Spark."""
    for item in items:
        if NEED_THE_LAKE & set(getattr(item, "fixturenames", ())):
            item.add_marker("lake")


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture(scope="session")
def extensions() -> None:
    """Skip where DuckDB's extensions are not installed for the DuckDB that is."""
    try:
        with duckdb.connect() as connection:
            lake.load_extensions(connection)
    except lake.LakeError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def postgres(extensions: None) -> Iterator[str]:
    """Run a PostgreSQL of our own on 127.0.0.1; give the words that connect to it."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    programs = found[-1].parent if found else None
    if programs is None and (initdb := shutil.which("initdb")):
        programs = Path(initdb).resolve().parent
    if programs is None:
        pytest.skip("no PostgreSQL here: apt-get install postgresql")
    folder = Path(tempfile.mkdtemp(prefix="truecost-postgres-"))
    start: list[str] = []
    if os.getuid() == 0:  # PostgreSQL refuses to run as root
        user = next(
            (u.pw_name for u in pwd.getpwall() if u.pw_name in ("postgres", "nobody")), None
        )
        if user is None or not shutil.which("setpriv"):
            pytest.skip("PostgreSQL needs a user that is not root")
        account = pwd.getpwnam(user)
        os.chown(folder, account.pw_uid, account.pw_gid)
        start = [
            "setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups",
        ]  # fmt: skip
    port, data = free_port(), str(folder / "data")
    command = [*start, str(programs / "initdb"), "-D", data, "-U", "truecost"]
    command += ["--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C"]
    subprocess.run(command, check=True, capture_output=True, cwd=folder)
    server = subprocess.Popen(
        [*start, str(programs / "postgres"), "-D", data, "-p", str(port), "-h", "127.0.0.1",
         "-k", str(folder), "-c", "fsync=off", "-c", "shared_buffers=16MB"],
        cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        for _ in range(200):
            if is_listening(port):
                break
            time.sleep(0.05)
        yield f"host=127.0.0.1 port={port} user=truecost"
    finally:
        server.terminate()
        server.wait(timeout=20)
        shutil.rmtree(folder)


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def catalog(postgres: str, request: pytest.FixtureRequest) -> str:
    """Return a catalogue of its own for each test."""
    name = "".join(c if c.isalnum() else "_" for c in request.node.name.lower())[:50]
    with duckdb.connect() as connection:
        lake.load_extensions(connection, ["postgres_scanner"])
        for attempt in range(40):  # the server listens before it answers
            try:
                connection.execute(f"attach 'dbname=postgres {postgres}' as server (type postgres)")
                break
            except duckdb.Error:
                if attempt == 39:
                    raise
                time.sleep(0.1)
        connection.execute(f"call postgres_execute('server', 'create database {name}',"
                           " use_transaction := false)")  # fmt: skip
    return f"ducklake:postgres:dbname={name} {postgres}"

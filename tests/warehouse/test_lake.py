"""The lake: the same merge, the way in and the way back, many writers, and time travel.

Needs the extra ``lake`` and PostgreSQL's programs; the cluster is made for the tests.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from tests.warehouse.test_history import Capture, canonical_rows, merge, one_price, rows
from warehouse import history, lake
from warehouse.database import DataFolderError

CAPTURES = [
    *(Capture("north", day, day, one_price(float(day // 2))) for day in range(5)),
    Capture("north", 2, 7, one_price(9.0)),
    Capture("south", 1, 8, one_price(9.0)),
    Capture("north", 3, 9, ()),
]


def need_extensions() -> None:
    """Skip where the extra is not installed."""
    try:
        for name in lake.EXTENSIONS:
            lake.extension_file(name)
    except DataFolderError as error:
        pytest.skip(str(error))


def postgres_folder() -> Path:
    """Return the folder of PostgreSQL's programs, or skip."""
    known = shutil.which("initdb") or shutil.which("postgres") or shutil.which("pg_ctl")
    if known is None:
        pytest.skip("no PostgreSQL: initdb and pg_ctl are not on the path")
    return Path(known).resolve().parent


@pytest.fixture(scope="module")
def cluster(tmp_path_factory) -> Iterator[str]:
    """Start a PostgreSQL cluster of its own on 127.0.0.1; give its connection string."""
    need_extensions()
    programs = postgres_folder()
    folder = tmp_path_factory.mktemp("cluster")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    user = []
    if os.geteuid() == 0:  # PostgreSQL refuses root
        shutil.chown(folder, "nobody")
        for parent in list(folder.parents)[:2]:
            parent.chmod(0o755)
        user = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]

    def run(program: str, *arguments: str) -> None:
        command = [*user, str(programs / program), "-D", str(folder / "data"), *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    run("initdb", "-A", "trust", "-U", "truecost")
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
    run("pg_ctl", "-o", options, "-l", str(folder / "log"), "-w", "start")
    yield f"host=127.0.0.1 port={port} user=truecost dbname=postgres"
    run("pg_ctl", "-m", "immediate", "stop")


@pytest.fixture
def address(cluster, tmp_path, request) -> tuple[str, str]:
    """Return catalogue and data path of a lake of its own in the cluster."""
    name = f"lake_{request.node.name[5:45]}"
    port = cluster.split()[1].removeprefix("port=")
    subprocess.run(
        [postgres_folder() / "createdb", "-h", "127.0.0.1", "-p", port, "-U", "truecost", name],
        check=True,
    )
    catalog = "ducklake:postgres:" + cluster.replace("dbname=postgres", f"dbname={name}")
    return catalog, str(tmp_path / "data")


def test_the_merge_makes_the_same_rows_in_a_lake(address):
    with lake.open_lake(*address) as connection:
        for one in CAPTURES:
            merge(connection, [one])
        assert rows(connection) == canonical_rows(CAPTURES)


def test_a_file_moves_in_and_comes_back_the_same(address, tmp_path):
    with duckdb.connect(tmp_path / "file.duckdb") as connection:
        connection.execute("create schema marts")
        connection.execute("create table marts.standing as select 1 as a")
        connection.execute("create view marts.more as select a + 1 as b from marts.standing")
        history.create(connection, history.OFFER)
        columns = ", ".join(f"null as {name}" for name in history.OFFER.columns)
        connection.execute(f"insert into core.offer_open select {columns} from range(5)")
    with lake.open_lake(*address) as connection:
        moved = lake.move_in(connection, tmp_path / "file.duckdb")
        assert moved["core.offer_open"] == 5
        assert connection.execute("select count(*) from core.offer_price").fetchall() == [(5,)]
        assert connection.execute("from marts.more").fetchall() == [(2,)]
        back = lake.move_out(connection, tmp_path / "back.duckdb")
        assert back == moved
        with pytest.raises(DataFolderError, match="is there already"):
            lake.move_out(connection, tmp_path / "back.duckdb")
    with duckdb.connect(tmp_path / "back.duckdb") as connection:
        assert connection.execute("select count(*) from core.offer_open").fetchall() == [(5,)]


APPEND = """
import sys
from pathlib import Path
from warehouse import lake
with lake.open_lake(sys.argv[1], sys.argv[2]) as connection:
    for file in sys.argv[3:]:
        lake.append_observations(connection, [Path(file)])
"""


def test_two_machines_append_at_once_and_a_reader_sees_the_past(address, tmp_path):
    files = []
    with duckdb.connect() as connection:
        for number in range(6):
            files.append(str(tmp_path / f"{number}.parquet"))
            connection.execute(
                f"copy (select {number} as n, range as row from range(1000)) to '{files[-1]}'"
            )
    with lake.open_lake(*address) as connection:
        lake.append_observations(connection, [Path(files[0])])
        before = connection.execute("select max(snapshot_id) from ducklake_snapshots('lake')")
        [(snapshot,)] = before.fetchall()
    machines = [
        subprocess.Popen([sys.executable, "-c", APPEND, *address, *some])
        for some in (files[1:3], files[3:])
    ]
    assert [machine.wait(timeout=60) for machine in machines] == [0, 0]
    with lake.open_lake(*address) as connection:
        found = connection.execute(
            "select n, count(*) from observations.offer group by n order by n"
        )
        assert found.fetchall() == [(number, 1000) for number in range(6)]
        lake.compact(connection)
        assert connection.execute("select count(*) from observations.offer").fetchall() == [(6000,)]
    with lake.open_lake(*address, snapshot=snapshot) as connection:
        assert connection.execute("select count(*) from observations.offer").fetchall() == [(1000,)]


def test_a_catalogue_that_is_none_is_refused_in_one_line():
    with pytest.raises(DataFolderError, match="give ducklake:postgres:"):
        lake.open_lake("postgres:host=127.0.0.1", "/tmp/nowhere")


def test_a_catalogue_out_of_reach_is_refused_without_its_password(tmp_path):
    need_extensions()
    catalog = "ducklake:postgres:host=127.0.0.1 port=1 dbname=x password=secret"
    with pytest.raises(DataFolderError, match="cannot open the lake") as refusal:
        lake.open_lake(catalog, str(tmp_path))
    assert "secret" not in str(refusal.value)


def test_a_package_for_another_duckdb_is_refused(monkeypatch):
    need_extensions()
    monkeypatch.setattr(duckdb, "__version__", "0.0.1")
    with pytest.raises(DataFolderError, match=r"not made for DuckDB v0\.0\.1"):
        lake.extension_file("ducklake")

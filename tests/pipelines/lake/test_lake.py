"""The lake: what several machines share, what one of them builds, and the way back."""

from __future__ import annotations

import importlib.resources
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from click.testing import CliRunner

from pipelines.answers import pull as web
from pipelines.capture.landing import Landing
from pipelines.capture.packs import make_packs
from pipelines.cli import truecost
from pipelines.lake import captures, runs, upkeep
from pipelines.lake import connection as lake
from tests.pipelines.captures import filed
from tests.pipelines.conftest import free_port, is_listening
from tests.warehouse.days import merge_day
from tests.warehouse.test_history import Capture, canonical_rows, merge, one_price, rows
from warehouse import database, publication
from warehouse.models import SQL_FOLDER
from warehouse.paths import Home

START = datetime(2026, 1, 30, 6)  # noqa: DTZ001  the warehouse keeps UTC without a zone


@pytest.fixture
def address(catalog: str, tmp_path: Path) -> lake.Address:
    """Return a lake with its data in a folder."""
    return lake.Address(catalog=catalog, data_path=str(tmp_path / "lake"))


@pytest.fixture(scope="session")
def s3_endpoint(extensions: None) -> Iterator[str]:
    """Run an S3 on 127.0.0.1; give its address."""
    pytest.importorskip("moto", reason="no moto here: make lake")
    port = free_port()
    with subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as server:
        try:
            for _ in range(600):
                if is_listening(port):
                    break
                time.sleep(0.1)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


def build_day(home: Home, day: int, offers: int = 30) -> None:
    """Merge one capture in which a few prices move, derive one table, and publish."""
    moment = START + timedelta(days=day)
    with database.open_build(home) as connection:
        usd = f"case when n % 10 = {day % 10} then {day} else 0 end + 1.0"
        merge_day(connection, day, moment, offers, usd)
        connection.execute("create table if not exists marts.price_day (day date, usd double)")
        connection.execute(
            "insert into marts.price_day select ?::timestamp::date, avg(usd_per_gpu_hour)"
            " from core.offer_open",
            [moment],
        )
        connection.execute("comment on column marts.price_day.usd is 'mean [USD]'")
        connection.execute(
            "create or replace view marts.price_now as"
            " select * from marts.price_day order by day desc limit 1"
        )
        connection.execute(
            "create table if not exists meta.source as"
            " select 'acme' as source_id, 24 as cadence_hours"
        )
        connection.execute((SQL_FOLDER / "macros" / "history.sql").read_text())
    publication.publish(home, f"day-{day}")


def differences(address: lake.Address, home: Home, tables: tuple[str, ...]) -> list[str]:
    """Return the tables that the lake and the published file of a data folder hold unequal."""
    path = (home.published / database.POINTER).resolve()
    found = []
    with lake.opened(address, is_read_only=True) as reader:
        reader.execute(f"attach '{path}' as file (read_only)")
        for name in tables:
            one, two = f"from lake.{name}", f"from file.{name}"
            for a, b in ((one, two), (two, one)):
                if reader.sql(f"({a}) except all ({b})").fetchall():
                    found.append(name)
    return found


TABLES = ("core.offer_price", "core.offer_capture", "marts.price_day", "marts.price_now")


def test_the_lake_holds_what_the_file_holds_and_remembers_each_run(address, tmp_path):
    home = Home(tmp_path / "home")
    build_day(home, 0)
    first = runs.push(home, address)
    assert differences(address, home, TABLES) == []
    build_day(home, 1)
    second = runs.push(home, address)
    assert differences(address, home, TABLES) == []
    with lake.opened(address, is_read_only=True, at=first.snapshot) as then:
        assert then.sql("select count(*) from marts.price_day").fetchall() == [(1,)]
    with lake.opened(address, is_read_only=True) as now:
        assert now.sql("select count(*) from marts.price_day").fetchall() == [(2,)]
        known_before = "from as_of(date '2026-01-30', known_on := date '2026-01-30')"
        assert len(now.sql(known_before).fetchall()) == 30
        comments = "select comment from duckdb_columns() where column_name = 'usd'"
        assert ("mean [USD]",) in now.sql(comments).fetchall()
    assert runs.push(home, address).parts_written == 0
    assert second.snapshot > first.snapshot


def test_a_day_writes_the_parts_that_it_touches_and_appends_where_rows_only_came(address, tmp_path):
    home = Home(tmp_path / "home")
    for day in range(4):  # two in January, two in February
        build_day(home, day)
    runs.push(home, address)
    build_day(home, 4)
    report = runs.push(home, address)
    # The open market; February's history, captures and days; the days to be derived again.
    assert report.parts_written == 5
    assert report.rows_appended > 0
    assert report.rows_replaced == 30  # the current market
    assert differences(address, home, TABLES) == []


def test_a_price_that_was_corrected_in_the_file_is_corrected_in_the_lake(address, tmp_path):
    home = Home(tmp_path / "home")
    build_day(home, 0)
    runs.push(home, address)
    with database.open_build(home) as connection:
        connection.execute("update marts.price_day set usd = 7.0")
        connection.execute("alter table core.offer_capture add column note varchar")
        connection.execute("drop view marts.price_now")
    publication.publish(home, "corrected")
    runs.push(home, address)
    assert differences(address, home, TABLES[:3]) == []
    with (
        lake.opened(address, is_read_only=True) as reader,
        pytest.raises(duckdb.CatalogException),
    ):
        reader.sql("from marts.price_now")


def test_one_machine_builds_until_another_takes_over(address, tmp_path):
    one, two = Home(tmp_path / "one"), Home(tmp_path / "two")
    build_day(one, 0)
    runs.push(one, address)
    with pytest.raises(lake.LakeError, match="/one builds this lake"):
        build_day(two, 5)
        runs.push(two, address)
    assert differences(address, one, TABLES) == []
    three = Home(tmp_path / "three")
    runs.pull(three, address)
    build_day(three, 1)
    runs.push(three, address, take_over=True)
    assert differences(address, three, TABLES) == []


def test_the_way_back_is_the_same_file_and_the_next_day_continues_it(address, tmp_path):
    stayed, moved = Home(tmp_path / "stayed"), Home(tmp_path / "moved")
    for day in range(3):
        build_day(stayed, day)
    snapshot = runs.push(stayed, address).snapshot
    build_day(stayed, 3)
    runs.push(stayed, address)
    runs.pull(moved, address, at=snapshot)
    with pytest.raises(lake.LakeError, match="holds a warehouse already"):
        runs.pull(moved, address)
    build_day(moved, 3)
    assert differences(address, moved, TABLES) == []
    assert publication.damage((moved.published / database.POINTER).resolve()) == []


def test_compaction_changes_files_and_no_answer(address, tmp_path):
    home = Home(tmp_path / "home")
    for day in range(4):
        build_day(home, day, offers=400)
        runs.push(home, address)

    def files() -> int:
        closed = Path(str(address.data_path)) / "core" / "offer_closed"
        return len(list(closed.rglob("*.parquet")))

    before, snapshots_before = files(), upkeep.status(address).snapshots
    upkeep.compact(address, keep_days=0)
    assert files() < before
    assert upkeep.status(address).snapshots < snapshots_before
    assert differences(address, home, TABLES) == []


def test_the_merge_makes_the_same_rows_in_a_lake(address):
    captures = [
        *(Capture("north", day, day, one_price(float(day // 2))) for day in range(3)),
        Capture("north", 1, 7, one_price(9.0)),  # late
        Capture("south", 1, 8, one_price(9.0)),
        Capture("north", 2, 9, ()),  # corrected: there was none
    ]
    with lake.opened(address) as connection:
        for one in captures:
            merge(connection, [one])
        assert rows(connection) == canonical_rows(captures)


def capture_files(home: Home, machine: str, number: int) -> None:
    """Write captures as ``reading`` lays them out: bytes, rows, and a ledger."""
    for n in range(number):
        folder = home.observations / machine / "2026-02-01"
        folder.mkdir(parents=True, exist_ok=True)
        landing = home.landing / machine / "2026-02-01" / f"{n}.zst"
        landing.parent.mkdir(parents=True, exist_ok=True)
        landing.write_bytes(os.urandom(2_000))
        duckdb.sql(
            f"copy (select '{machine}' as source_id, {n} as capture, i as row_number,"
            " i::decimal(38, 18) / 7 as price_amount, map {'a': 'b'} as \"values\","
            " timestamptz '2026-02-01 06:00:00+00' as captured_at"
            f" from range(50) t(i)) to '{folder / f'{n}.offer.parquet'}'"
        )
        (folder / f"{n}.ledger.json").write_text(f'{{"machine": "{machine}", "n": {n}}}')
    common = home.observations / "same" / "2026-02-01"  # the same bytes, seen by every machine
    common.mkdir(parents=True)
    duckdb.sql(f"copy (from '{folder}/0.offer.parquet' select * replace ('same' as source_id))"
               f" to '{common}/x.offer.parquet'")  # fmt: skip


SHARE = """
import sys
from pathlib import Path
from pipelines.lake import captures
from pipelines.lake import connection as lake
from warehouse.paths import Home
home = Home(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
print(captures.share(home, lake.Address(catalog=sys.argv[2], data_path=sys.argv[3])))
"""


def test_machines_share_at_once_and_one_gets_everything(address, tmp_path):
    homes = [Home(tmp_path / name) for name in ("ada", "bob", "eve")]
    for home in homes:
        capture_files(home, home.root.name, 4)
    arguments = [str(address.catalog), str(address.data_path)]
    machines = [
        subprocess.Popen(
            [sys.executable, "-c", SHARE, str(home.root), *arguments],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for home in homes
    ]  # fmt: skip
    for machine in machines:
        assert machine.stdout is not None
        assert machine.stdout.readline() == "ready\n"
    shared = [int(machine.communicate("go\n", timeout=120)[0]) for machine in machines]
    assert [machine.returncode for machine in machines] == [0, 0, 0]
    assert all(12 <= files <= 13 for files in shared)  # a late machine need not share `same`
    assert [captures.share(home, address) for home in homes] == [0, 0, 0]

    builder = Home(tmp_path / "builder")
    assert captures.fetch(builder, address) == 3 * 12 + 1
    assert captures.fetch(builder, address) == 0
    for home in homes:
        for path in home.root.rglob("*.*"):
            got = builder.root / path.relative_to(home.root)
            if path.suffix == ".parquet":
                one, two = (duckdb.sql(f"from '{p}'") for p in (path, got))
                assert one.types == two.types
                assert one.fetchall() == two.fetchall()
            else:
                assert got.read_bytes() == path.read_bytes()
    assert upkeep.status(address).machines.keys() == {lake.machine_name(home) for home in homes}


def test_packed_captures_are_shared_and_are_not_fetched_again(address, tmp_path):
    home, other = Home(tmp_path / "home"), Home(tmp_path / "other")
    for days, content in enumerate((b"one", b"two")):
        filed(home, content, days=days)
    files = sorted(Landing(home).files())
    [made], _ = make_packs(home, date(2026, 9, 1))
    assert made.files == len(files) == 4
    capture_files(home, "ada", 1)  # a lake has rows, too
    assert captures.share(home, address) >= 4
    assert captures.share(home, address) == 0
    assert captures.fetch(home, address) == 0
    captures.fetch(other, address)
    for file in files:
        with Landing(home).open(file) as packed, Landing(other).open(file) as fetched:
            assert packed.read() == fetched.read()
    make_packs(other, date(2026, 9, 1))
    assert captures.fetch(other, address) == 0


def test_a_newer_parser_that_reads_more_adds_a_column(address, tmp_path):
    home = Home(tmp_path / "home")
    capture_files(home, "ada", 1)
    captures.share(home, address)
    folder = home.observations / "ada" / "2026-02-02"
    folder.mkdir()
    duckdb.sql(f"copy (select 'ada' as source_id, 9 as newer) to '{folder}/1.offer.parquet'")
    captures.share(home, address)
    with lake.opened(address, is_read_only=True) as reader:
        rows = reader.sql("select newer, count(*) from observations.offer group by all order by 1")
        assert rows.fetchall() == [(9, 1), (None, 100)]


@pytest.fixture
def store(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a client of S3 with the bucket ``prices``; the settings of a lake are its own."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": s3_endpoint,
    }.items():
        monkeypatch.setenv(name, value)
    boto3 = pytest.importorskip("boto3")
    store = boto3.client("s3", endpoint_url=s3_endpoint)
    store.create_bucket(Bucket="prices")
    return store


def test_a_published_run_is_pushed_to_s3_and_pulled_from_its_web_address(
    store, s3_endpoint, tmp_path, monkeypatch
):
    home, reader = Home(tmp_path / "home"), Home(tmp_path / "reader")
    build_day(home, 0)
    monkeypatch.setenv("TRUECOST_HOME", str(home.root))
    pushed = CliRunner().invoke(truecost, ["push", "s3://prices/www"])
    assert pushed.exit_code == 0, pushed.output

    def written() -> dict[str, datetime]:
        objects = store.list_objects_v2(Bucket="prices", Prefix="www/")["Contents"]
        return {one["Key"].removeprefix("www/"): one["LastModified"] for one in objects}

    names = {"latest.json", "manifest-day-0.json", "truecost-day-0.duckdb"}
    before = written()
    assert before.keys() == names
    assert CliRunner().invoke(truecost, ["push", "s3://prices/www/"]).exit_code == 0
    assert written() == before  # nothing is sent twice
    store.put_bucket_acl(Bucket="prices", ACL="public-read")
    for name in names:
        store.put_object_acl(Bucket="prices", Key=f"www/{name}", ACL="public-read")
    pulled = web.pull(f"{s3_endpoint}/prices/www/", reader)
    assert pulled.read_bytes() == (home.published / database.POINTER).read_bytes()
    refused = CliRunner().invoke(truecost, ["push", "s3://nothing/www"])
    assert refused.exit_code == 2
    [line] = [one for one in refused.stderr.splitlines() if one.startswith("Error")]
    assert line.startswith("Error: cannot write in s3://nothing/www: HTTP Error")


def test_the_data_may_lie_in_s3(catalog, store, tmp_path):
    address = lake.Address(catalog=catalog, data_path="s3://prices/lake")
    home, moved = Home(tmp_path / "home"), Home(tmp_path / "moved")
    capture_files(home, "ada", 2)
    build_day(home, 0)
    captures.share(home, address)
    runs.push(home, address)
    assert differences(address, home, TABLES) == []
    assert store.list_objects_v2(Bucket="prices")["KeyCount"] > 0
    runs.pull(moved, lake.Address(catalog=catalog))  # the catalogue knows where the data are
    assert differences(address, moved, TABLES) == []
    assert captures.fetch(moved, address) == 7


def test_a_lake_that_cannot_be_opened_is_one_line_without_the_password(extensions):
    address = lake.Address(
        catalog=f"ducklake:postgres:host=127.0.0.1 port={free_port()} password=hush dbname=x",
        data_path="nowhere",
    )
    with pytest.raises(lake.LakeError) as refusal, lake.opened(address):
        pass
    assert "\n" not in str(refusal.value)
    assert "hush" not in str(refusal.value)
    with pytest.raises(lake.LakeError, match="is not a catalogue"):
        lake.Address(catalog="postgres:dbname=x")


def test_without_the_extra_the_refusal_says_how_to_get_it(monkeypatch):
    def missing(package: str) -> None:
        raise ModuleNotFoundError(package)

    monkeypatch.setattr(importlib.resources, "files", missing)
    with duckdb.connect() as connection, pytest.raises(lake.LakeError, match="make lake"):
        lake.load_extensions(connection)


def test_extensions_for_another_duckdb_are_refused(extensions, monkeypatch):
    monkeypatch.setattr(duckdb, "__version__", "0.0.1")
    with (
        duckdb.connect() as connection,
        pytest.raises(lake.LakeError, match=r"DuckDB v0\.0\.1"),
    ):
        lake.load_extensions(connection)


@pytest.mark.parametrize("path", ["observations/../../etc/passwd", "build.duckdb"])
def test_a_path_that_leaves_the_data_folder_is_refused(path, tmp_path):
    with pytest.raises(lake.LakeError, match="not a capture"):
        captures._write(Home(tmp_path), path, b"")

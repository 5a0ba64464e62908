"""Publishing: whole or not at all, under kills and readers; kept, linked, restored."""

from __future__ import annotations

import errno
import json
import os
import random
import signal
import subprocess
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from tests.warehouse.days import merge_day
from warehouse import database, models, parquet_export, publication
from warehouse.parquet_export import file_sha256
from warehouse.paths import Home

START = datetime(2026, 1, 1, 6)  # noqa: DTZ001  the warehouse keeps UTC without a zone


@pytest.fixture
def home(tmp_path):
    """Return an empty data folder."""
    return Home(tmp_path)


def build_day(home: Home, day: int, offers: int = 50) -> None:
    """Merge one capture in which every price is the day's number, and derive one table."""
    moment = START + timedelta(days=day)
    with database.open_build(home) as connection:
        merge_day(connection, day, moment, offers, f"{day}.0")
        connection.execute(
            "create or replace table marts.day_price as"
            " select max(usd_per_gpu_hour) as usd, min(usd_per_gpu_hour) as least,"
            " count(*) as offers from core.offer_open"
        )


def published_usd(home: Home) -> float:
    with database.open_published(home) as connection:
        [(usd, least, offers)] = connection.sql("from marts.day_price").fetchall()
        [(standing,)] = connection.sql(
            "select count(*) from core.offer_price"
            f" where valid_to is null and superseded_at is null and usd_per_gpu_hour = {usd}"
        ).fetchall()
    assert usd == least and offers == standing, "a torn read"
    return usd


def test_a_published_run_is_what_the_build_file_holds(home):
    build_day(home, 1)
    path = publication.publish(home, "run-1")
    assert path == (home.published / database.POINTER).resolve()
    assert published_usd(home) == 1.0
    manifest = publication.Manifest.read(home.published / "manifest-run-1.json")
    assert manifest.rows["core.offer_open"] == 50
    assert manifest.sha256 == file_sha256(path)
    assert publication.damage(path) == []


def test_the_parquet_export_is_core_and_marts(home):
    for day in range(3):
        build_day(home, day)
    publication.publish(home, "run-1")
    with database.open_published(home, folders=[home.published]) as connection:
        folder = home.published / "parquet"
        for name in ("core.offer_price", "marts.day_price"):
            files = f"'{folder / name.replace('.', '/')}/*.parquet'"
            lost = connection.sql(f"select * from {name} except all select * from {files}")
            made_up = connection.sql(f"select * from {files} except all select * from {name}")
            assert (lost.fetchall(), made_up.fetchall()) == ([], [])


def test_parts_that_did_not_change_are_linked_and_a_new_month_is_a_new_part(home):
    for day in (0, 1, 40):
        build_day(home, day)
    publication.publish(home, "run-1")
    build_day(home, 41)
    publication.publish(home, "run-2")

    def parts(run_id):
        folder = home.published / f"parquet-{run_id}" / "core" / "offer_price"
        return {path.name: path.stat().st_ino for path in folder.iterdir()}

    first, second = parts("run-1"), parts("run-2")
    assert sorted(second) == ["closed-2026-01.parquet", "closed-2026-02.parquet", "open.parquet"]
    assert {name for name in second if first[name] == second[name]} == {"closed-2026-01.parquet"}


def test_a_view_that_was_made_from_the_same_is_linked_and_not_read(home, monkeypatch):
    build_day(home, 1)
    with database.open_build(home) as connection:
        connection.execute(
            "create view marts.cheap as select * from core.offer_open where usd_per_gpu_hour < 2;"
        )
        connection.execute((models.SQL_FOLDER / "made.sql").read_text(encoding="utf-8"))
        connection.execute("insert into meta.made values ('marts.cheap', 'a', [], '1', '')")
    read = []
    pieces = parquet_export.pieces
    monkeypatch.setattr(
        parquet_export,
        "pieces",
        lambda connection, cut: read.append(cut.relation) or pieces(connection, cut),
    )

    def published(run_id):
        read.clear()
        path = publication.publish(home, run_id)
        assert publication.damage(path) == []
        [part] = (home.published / f"parquet-{run_id}" / "marts" / "cheap").iterdir()
        return part, "marts.cheap" in read

    first, is_read = published("run-1")
    assert is_read
    second, is_read = published("run-2")
    assert not is_read and second.stat().st_ino == first.stat().st_ino
    damaged = second.read_bytes()[:-1] + b"x"
    second.unlink()
    second.write_bytes(damaged)
    assert published("run-3")[1]
    with database.open_build(home) as connection:
        connection.execute("update meta.made set inputs_hash = '2'")
    assert published("run-4")[1]


def test_a_part_whose_column_was_renamed_is_written_anew(home):
    build_day(home, 1)
    publication.publish(home, "run-1")
    with database.open_build(home) as connection:
        connection.execute("alter table marts.day_price rename column offers to offer_count")
    publication.publish(home, "run-2")
    files = f"'{home.published}/parquet/marts/day_price/*.parquet'"
    with database.open_published(home, folders=[home.published]) as connection:
        names = [row[0] for row in connection.sql(f"describe from {files}").fetchall()]
    assert "offer_count" in names and "offers" not in names


def test_the_last_runs_are_kept_and_orphans_swept(home):
    build_day(home, 1)
    home.published.mkdir()
    (home.published / ".truecost-dead.duckdb.tmp").write_bytes(b"half")
    (home.published / ".parquet-dead.tmp").mkdir()
    (home.published / ".parquet-dead.tmp" / "x").write_bytes(b"half")
    for number in range(4):
        publication.publish(home, f"run-{number}", keep=2)
    assert sorted(path.name for path in home.published.iterdir()) == [
        "manifest-run-2.json",
        "manifest-run-3.json",
        "parquet",
        "parquet-run-2",
        "parquet-run-3",
        "truecost-run-2.duckdb",
        "truecost-run-3.duckdb",
        "truecost.duckdb",
    ]


def test_old_runs_lose_the_parquet_of_views_and_restore_writes_it_again(home):
    build_day(home, 1)
    with database.open_build(home) as connection:
        connection.execute("create view marts.cheap as select * from core.offer_open")
    for number in range(4):
        publication.publish(home, f"run-{number}")
    views = sorted(path.parent.parent.name for path in home.published.glob("*/marts/cheap"))
    assert views == ["parquet", "parquet-run-2", "parquet-run-3"]
    runs = database.published_files(home)
    assert [publication.damage(run) for run in runs] == [[]] * 4
    assert publication.restore(home, "run-0") == runs[-1]
    assert publication.damage(runs[-1]) == []
    with duckdb.connect() as connection:
        connection.execute(f"attach '{runs[-1]}' as run (read_only); use run")
        written = f"'{home.published}/parquet/marts/cheap/*.parquet'"
        assert connection.sql(f"from marts.cheap except all from {written}").fetchall() == []
        assert connection.sql(f"select count(*) from {written}").fetchall() == [(50,)]


def test_a_run_published_again_replaces_itself(home):
    build_day(home, 1)
    publication.publish(home, "run-1")
    build_day(home, 2)
    publication.publish(home, "run-1")
    assert published_usd(home) == 2.0
    assert publication.damage(database.published_files(home)[0]) == []


@pytest.mark.parametrize("run_id", ["", "../escape", "a/b", ".hidden", "x" * 101])
def test_a_run_id_that_is_no_file_name_is_refused(home, run_id):
    with pytest.raises(database.DataFolderError, match="not a file name"):
        publication.publish(home, run_id)


def test_an_open_build_file_is_not_published(home):
    build_day(home, 1)
    with (
        database.open_build(home),
        pytest.raises(database.DataFolderError, match="close the build file"),
    ):
        publication.publish(home, "run-1")


def test_a_changed_byte_is_damage(home):
    build_day(home, 1)
    path = publication.publish(home, "run-1")
    part = home.published / "parquet-run-1" / "marts" / "day_price" / "all.parquet"
    for file in (path, part):
        content = bytearray(file.read_bytes())
        content[-1] ^= 1
        file.write_bytes(content)
    assert len(publication.damage(path)) == 2


def spoil(file: Path) -> None:
    """Change a byte in place: every link to the file sees it."""
    with file.open("r+b") as opened:
        opened.seek(-9, 2)
        byte = opened.read(1)
        opened.seek(-9, 2)
        opened.write(bytes([byte[0] ^ 1]))


def test_a_manifest_that_cannot_be_read_is_damage(home):
    build_day(home, 1)
    path = publication.publish(home, "run-1")
    manifest = home.published / "manifest-run-1.json"
    manifest.write_text(manifest.read_text()[:200])
    [line] = publication.damage(path)
    assert line.startswith("manifest-run-1.json cannot be read")


def test_damage_in_a_shared_part_ends_with_the_next_run_and_hinders_no_restoring(home):
    for day in (0, 40):
        build_day(home, day)
    for number in (1, 2):
        publication.publish(home, f"run-{number}")
    spoil(home.published / "parquet-run-1/core/offer_price/closed-2026-02.parquet")
    newest, before = database.published_files(home)
    assert len(publication.damage(newest)) == len(publication.damage(before)) == 1
    assert publication.restore(home) == newest
    assert publication.damage(publication.publish(home, "run-3")) == []


def test_a_value_that_was_changed_in_the_build_file_is_named(home):
    build_day(home, 1)
    publication.publish(home, "run-1")
    with database.open_build(home) as connection:
        connection.execute("create table staged.build_clock as select 'run-1' as run_id")
        assert connection.execute("from marts.day_price").fetchall() == [(1.0, 1.0, 50)]
    assert publication.build_damage(home) == []
    with database.open_build(home) as connection:
        connection.execute("update marts.day_price set usd = 1.01")
    [line] = publication.build_damage(home)
    assert "marts/day_price/all has other rows than published" in line
    with database.open_build(home) as connection:  # a build that went on is another thing
        connection.execute("update staged.build_clock set run_id = 'run-2'")
    assert publication.build_damage(home) == []


def test_restore_takes_the_newest_whole_run_and_the_next_build_goes_on(home):
    for day in (1, 2):
        build_day(home, day)
        publication.publish(home, f"run-{day}")
    newest = home.published / "truecost-run-2.duckdb"
    newest.write_bytes(newest.read_bytes()[:-4096])
    assert publication.restore(home).name == "truecost-run-1.duckdb"
    assert published_usd(home) == 1.0
    build_day(home, 2)
    publication.publish(home, "run-3")
    assert published_usd(home) == 2.0


@pytest.mark.parametrize("damage", ["file gone", "link gone", "link to nowhere", "no link"])
def test_a_pointer_that_leads_to_no_whole_file_says_the_way_out_and_restore_is_it(home, damage):
    for day in (1, 2):
        build_day(home, day)
        newest = publication.publish(home, f"run-{day}")
    pointer = home.published / database.POINTER
    if damage == "file gone":
        newest.unlink()
    else:
        pointer.unlink()
    if damage == "link to nowhere":
        pointer.symlink_to("truecost-run-3.duckdb")
    if damage == "no link":
        pointer.write_bytes(newest.read_bytes()[:5000])
    with pytest.raises(database.PublishedDamagedError, match="truecost restore"):
        database.open_published(home)
    publication.restore(home)
    assert published_usd(home) == (1.0 if damage == "file gone" else 2.0)


def test_the_newest_run_is_told_by_its_manifest_not_by_the_time_of_its_file(home):
    for day in (1, 2):
        build_day(home, day)
        path = publication.publish(home, f"run-{day}")
        manifest = path.with_name(f"manifest-run-{day}.json")
        written = json.loads(manifest.read_text())
        manifest.write_text(
            json.dumps(written | {"published_at": f"2026-01-0{day}T06:00:00+00:00"})
        )
    os.utime(home.published / "truecost-run-1.duckdb")  # as a copy of the folder leaves it
    assert publication.restore(home).name == "truecost-run-2.duckdb"


KILLED_IN_RESTORE = """
import os, sys
from pathlib import Path
from warehouse import files, publication
from warehouse.paths import Home
files.sync_folder = lambda folder: os._exit(9)  # the build file has just been replaced
publication.restore(Home(Path(sys.argv[1])))
"""
KILLED_IN_BUILD = """
import os, sys
from pathlib import Path
from warehouse import database
from warehouse.paths import Home
build = database.open_build(Home(Path(sys.argv[1])))
build.execute("update marts.day_price set usd = 7")
os._exit(9)
"""


def test_a_log_of_the_build_before_does_not_change_what_is_restored(home):
    build_day(home, 1)
    publication.publish(home, "run-1")
    for killed in (KILLED_IN_BUILD, KILLED_IN_RESTORE):
        child = subprocess.run([sys.executable, "-c", killed, str(home.root)], check=False)
        assert child.returncode == 9
    assert not home.build_database.with_name("build.duckdb.wal").exists()
    with database.open_build(home) as connection:
        assert connection.sql("from marts.day_price").fetchall() == [(1.0, 1.0, 50)]


def test_a_full_disk_leaves_the_build_file_unrestored_and_says_so(home, monkeypatch):
    build_day(home, 1)
    publication.publish(home, "run-1")
    build_day(home, 2)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(database.DataFolderError, match=r"cannot restore in .*: No space left"):
        publication.restore(home)
    assert not list(home.root.glob(".*.tmp"))
    with database.open_build(home) as connection:
        assert connection.sql("select usd from marts.day_price").fetchall() == [(2.0,)]


def test_a_folder_in_the_place_of_the_pointer_is_named(home):
    build_day(home, 1)
    publication.publish(home, "run-1")
    (home.published / database.POINTER).unlink()
    (home.published / database.POINTER).mkdir()
    with pytest.raises(database.DataFolderError, match="is a folder, where a symbolic link"):
        publication.restore(home)


def test_restoring_a_run_that_is_not_there_names_those_that_are(home):
    build_day(home, 1)
    publication.publish(home, "run-1")
    with pytest.raises(database.NothingPublishedError, match="run-1"):
        publication.restore(home, "run-9")


def test_a_damaged_block_is_found_before_it_is_published_and_the_build_file_mended(home):
    build_day(home, 1)
    publication.publish(home, "run-1")
    build_day(home, 2, offers=20_000)
    content = home.build_database.read_bytes()
    assert b"offer 1" in content  # blocks of the tables, not the head of the file
    home.build_database.write_bytes(content.replace(b"offer 1", b"damaged"))
    with pytest.raises(database.DataFolderError, match="run again"):
        publication.publish(home, "run-2")
    assert published_usd(home) == 1.0
    assert not list(home.published.glob(".*.tmp"))
    build_day(home, 2)
    publication.publish(home, "run-2")
    assert published_usd(home) == 2.0


def test_a_full_disk_leaves_the_published_run(home):
    build_day(home, 1)
    publication.publish(home, "run-1")
    build_day(home, 2, offers=50_000)
    full = (
        "import resource, sys; from pathlib import Path;"
        " resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, 2**20));"
        " from warehouse import publication; from warehouse.paths import Home;"
        " publication.publish(Home(Path(sys.argv[1])), 'run-2')"
    )
    child = subprocess.run(
        [sys.executable, "-c", full, str(home.root)], capture_output=True, text=True, check=False
    )
    assert "DataFolderError: cannot publish in" in child.stderr
    assert published_usd(home) == 1.0
    assert not list(home.published.glob(".*.tmp"))
    publication.publish(home, "run-2")
    assert published_usd(home) == 2.0


PUBLISH_FOREVER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from test_publish import build_day
from warehouse.paths import Home
from warehouse import publication
home = Home(Path(sys.argv[1]))
day = int(sys.argv[3])
print("ready", flush=True)
while True:
    build_day(home, day)
    publication.publish(home, f"run-{day:06d}", keep=3)
    print(day, flush=True)
    day += 1
"""


def publisher(home: Home, day: int) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            PUBLISH_FOREVER,
            str(home.root),
            str(Path(__file__).parent),
            str(day),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.parametrize("kills", [1, pytest.param(8, marks=pytest.mark.slow)])
def test_kills_lose_nothing_and_readers_see_whole_files(home, kills):
    chance = random.Random(20261121)
    day = 1
    for _ in range(kills):
        with publisher(home, day) as process:
            time.sleep(chance.uniform(0.05, 0.6))
            process.send_signal(signal.SIGKILL)
            acknowledged = [int(line) for line in process.stdout]
        if acknowledged:
            assert published_usd(home) >= acknowledged[-1]
        for path in database.published_files(home):
            assert database.is_readable(path)
        with database.open_build(home) as connection:
            [(merged, distinct)] = connection.execute(
                "select count(*), count(distinct capture_id) from core.offer_capture"
                if models.table_exists(connection, "core.offer_capture")
                else "select 0, 0"
            ).fetchall()
        assert merged == distinct
        day = max(acknowledged, default=day) + 1
    build_day(home, day + 1)
    publication.publish(home, f"run-{day + 1:06d}")
    assert not list(home.published.glob(".*.tmp"))
    assert published_usd(home) == day + 1


@pytest.mark.slow
def test_readers_of_every_kind_see_no_error_and_no_torn_file_while_runs_publish():
    benchmark = Path(__file__).parents[2] / "benchmarks" / "readers.py"
    arguments = ["--minutes", "0.05", "--rows", "2000", "--readers", "8", "--pause", "0.01"]
    child = subprocess.run(
        [sys.executable, str(benchmark), *arguments], capture_output=True, text=True, check=False
    )
    found = json.loads(child.stdout)
    assert child.returncode == 0, found["wrong"]
    assert found["publishes"] > 1
    assert all(one["reads"] for one in found["readers"].values())

"""What a command that writes refuses before it has changed anything: one line, status 2."""

from __future__ import annotations

import hashlib
import struct
import subprocess
import sys
from datetime import date, datetime
from functools import partial
from types import SimpleNamespace

import pytest

from pipelines import cli
from pipelines.capture.landing import Landing
from pipelines.commands import arguments
from tests.pipelines.clock import clock
from tests.pipelines.fault_server import FaultServer
from warehouse import publication
from warehouse.database import open_build
from warehouse.paths import Home


@pytest.fixture
def home(tmp_path, monkeypatch) -> Home:
    """Return a data folder that was built on 2026-11-20, with one payload."""
    monkeypatch.setenv("TRUECOST_HOME", str(tmp_path / "data folder"))
    monkeypatch.delenv("TRUECOST_MIRROR", raising=False)
    found = Home(tmp_path / "data folder")
    with open_build(found) as connection:
        connection.execute(clock("2026-11-20 06:00"))
    publication.publish(found, "run-1")
    payload = tmp_path / "payload"
    payload.write_bytes(b"H100,2.99\n")
    with payload.open("rb") as body:
        Landing(found).keep("runpod", date(2026, 11, 20), body)
    return found


def state(home: Home) -> dict[str, str]:
    """Return every file of the data folder with the hash of its bytes; locks hold none."""
    return {
        str(path.relative_to(home.root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(home.root.rglob("*"))
        if path.is_file() and path.parent != home.locks
    }


def refused(capsys: pytest.CaptureFixture[str], *given: str) -> str:
    """Run a command that must be refused, and return its one line."""
    with pytest.raises(SystemExit) as end:
        cli.main(list(given))
    out, err = capsys.readouterr()
    assert (end.value.code, out, len(err.splitlines())) == (2, "", 1), err
    return err


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (("run", "--source", "runpodd"), "unknown source 'runpodd'; did you mean runpod"),
        (("run", "--mirror", "somewhere"), "--mirror 'somewhere' is not an address"),
        (("run", "--mirror", "http://"), "is not an address"),
        (("run", "--mirror", "http://host:port"), "is not an address"),
        (("run", "--mirror", "http://127.0.0.1:9"), "cannot connect to 127.0.0.1 port 9"),
        (("source", "runpod", "--mirror", "http://127.0.0.1:9"), "cannot connect"),
        (("backfill", "cloud_gpus", "--mirror", "http://127.0.0.1:9"), "cannot connect"),
        (("run", "--offline", "--now", "2026-11-19"), "before the last run of this data folder"),
        (("run", "--offline", "--no-build", "--now", "2026-11-19"), "before the last run"),
        (("run", "--offline", "--now", "9999-12-31T23:59:59Z"), "outside the years 2000 to 2100"),
        (("run", "--offline", "--now", "1969-12-31"), "outside the years"),
        (("run", "--offline", "--now", "0001-01-01T00:00:00+14:00"), "is not a date"),
        (("verify", "--rows", "-1"), "-1 is not in the range"),
        (("sql", "select 1; select 2"), "one question at a time"),
        (("sql", "select 1 as n, 2 as n", "--json"), "two columns are called 'n'"),
        (("sql", "select 1", "--out", "/proc/nowhere/x"), "No such file or directory"),
    ],
)
def test_bad_input_is_one_line_and_changes_nothing(home, capsys, given, says):
    before = state(home)
    assert says in refused(capsys, *given)
    assert state(home) == before


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (("offers", "H1000"), "unknown GPU 'H1000'"),
        (("offers", "H100-SXM-80GB", "--provider", "nobody"), "unknown provider 'nobody'"),
        (("flop", "--precision", "fp5"), "unknown precision 'fp5'"),
        (("flop", "--as-of", "2020-01-01"), "nothing is known as of 2020-01-01"),
        (("sql", "from marts.nothing"), "there are: core."),
        (("sql", "drop table core.gpu"), "read-only"),
        (("sql", "from read_csv('/etc/passwd')"), "refused"),
        (("fly",), "no command 'fly'; there are: run"),
    ],
)
def test_a_question_of_what_is_not_there_is_one_line(answers_home, main_on, given, says):
    status, out, err = main_on(answers_home.root, *given)
    assert (status, out, len(err.splitlines())) == (2, "", 1)
    assert says in err


def test_a_data_folder_of_a_newer_schema_is_refused_before_anybody_is_asked(home, capsys):
    with open_build(home) as connection:
        connection.execute("insert into meta.schema_version values (999, now()::timestamp)")
    before = state(home)
    with FaultServer({}) as server:
        for given in (["run"], ["backfill", "cloud_gpus"]):
            assert "schema 999" in refused(capsys, *given, "--mirror", server.url)
        assert not server.headers
    assert "schema 999" in refused(capsys, "restore")
    assert "schema 999" in refused(capsys, "rebuild")
    assert state(home) == before


def test_a_build_file_of_a_newer_duckdb_is_refused(home, capsys):
    content = bytearray(home.build_database.read_bytes())
    content[12:20] = struct.pack("<Q", 99)  # the storage version, after checksum and magic bytes
    checksum = 5381
    for (word,) in struct.iter_unpack("<Q", content[8:4096]):
        checksum ^= word * 0xBF58476D1CE4E5B9 & 2**64 - 1
    content[:8] = struct.pack("<Q", checksum)
    home.build_database.write_bytes(content)
    before = state(home)
    assert "newer DuckDB" in refused(capsys, "run", "--offline")
    assert state(home) == before


def test_a_locked_build_file_is_refused_with_the_process_that_holds_it(home, capsys, monkeypatch):
    monkeypatch.setattr(arguments, "open_build", partial(open_build, wait_seconds=0.3))
    hold = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print(flush=True); input()"
    command = [sys.executable, "-c", hold, str(home.build_database)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        holder.stdout.readline()
        before = state(home)
        assert f"process {holder.pid} " in refused(capsys, "run", "--offline")
        assert state(home) == before
        holder.communicate(b"\n")


def test_a_data_folder_that_cannot_be_written_is_refused(capsys, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("x")
    for folder in ("/proc/nowhere", tmp_path / "file", tmp_path / "file" / "below"):
        monkeypatch.setenv("TRUECOST_HOME", str(folder))
        assert f"cannot write in {folder}" in refused(capsys, "run", "--offline")


@pytest.mark.parametrize(
    ("f_bavail", "f_files", "f_favail", "says"),
    [
        (100, 10**6, 10**6, "has 0 MiB free, and a run may need"),
        (10**9, 10**6, 20, "has room for 20 more files"),
        (0, 0, 0, "free some, or set TRUECOST_HOME"),
    ],
)
def test_a_disk_without_room_is_refused(
    home, capsys, monkeypatch, f_bavail, f_files, f_favail, says
):
    disk = SimpleNamespace(f_bavail=f_bavail, f_frsize=4096, f_files=f_files, f_favail=f_favail)
    monkeypatch.setattr(arguments.os, "statvfs", lambda path: disk)
    before = state(home)
    for given in (["run", "--offline"], ["backfill", "cloud_gpus"]):
        assert says in refused(capsys, *given)
    assert state(home) == before


def test_a_disk_that_counts_no_files_has_room(home, monkeypatch):
    disk = SimpleNamespace(f_bavail=10**9, f_frsize=4096, f_files=0, f_favail=0)
    monkeypatch.setattr(arguments.os, "statvfs", lambda path: disk)
    assert arguments.usable_home() == home


def test_a_data_folder_with_too_long_a_path_is_refused(capsys, monkeypatch, tmp_path):
    folder = tmp_path / ("家" * 80) / ("x" * 200)
    monkeypatch.setenv("TRUECOST_HOME", str(folder))
    assert "set TRUECOST_HOME to a shorter one" in refused(capsys, "run", "--offline")
    assert list(tmp_path.iterdir()) == []


def test_a_clock_before_this_code_is_refused(capsys, monkeypatch, tmp_path):
    class Clock(datetime):
        @classmethod
        def now(cls, tz=None):
            return cls(1970, 1, 1, tzinfo=tz)

    monkeypatch.setenv("TRUECOST_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(arguments, "datetime", Clock)
    assert "the clock of this machine says 1970-01-01" in refused(capsys, "run", "--offline")
    assert list(tmp_path.iterdir()) == []


def test_a_rebuild_refuses_to_lose_what_a_damaged_payload_held(home, capsys):
    [payload] = home.landing.rglob("*.zst")
    payload.write_bytes(b"rot")
    before = state(home)
    for given in (["rebuild"], ["rebuild", "--parse"]):
        assert f"{payload} is damaged" in refused(capsys, *given)
    assert state(home) == before


def test_a_clock_that_went_back_is_told(home, capsys, monkeypatch):
    with open_build(home) as connection:
        connection.execute("update staged.build_clock set now_at = timestamp '2999-01-01'")
    assert arguments.usable_home() == home
    assert "the clock of this machine is before the last run" in capsys.readouterr().err


def test_nan_is_in_no_range():
    with pytest.raises(arguments.click.BadParameter):
        arguments.FiniteRange(0, 1).convert("nan", None, None)
    assert arguments.FiniteRange(0, 1).convert("0.5", None, None) == 0.5

"""What may stand beside a published file, and who may hold it: nothing forged is ever shown."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest

from pipelines import cli
from warehouse import database, publication
from warehouse.paths import Home

RUN = "truecost-one.duckdb"
# What DuckDB replays when it opens the file, and the same beside the link that people open.
LOGS = [
    f"{RUN}.wal",
    f"{RUN}.wal.checkpoint",
    f"{RUN}.wal.recovery",
    "truecost.duckdb.wal",
    "truecost.duckdb.wal.checkpoint",
    ".truecost-two.duckdb.tmp.wal",
]
FORGE = """
import duckdb, sys
connection = duckdb.connect(sys.argv[1])
connection.execute("set checkpoint_threshold = '1TB'; update core.price set usd = 0.01")
import os; os._exit(0)  # the change stays in the log
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """Return a home with one published price of 2.99 USD."""
    found = Home(tmp_path / "home")
    monkeypatch.setenv("TRUECOST_HOME", str(found.root))
    with database.open_build(found) as connection:
        connection.execute("create table core.price as select 2.99 as usd")
    publication.publish(found, "one")
    return found


def ran(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """Return the exit status of a command, and what it said on standard error."""
    with pytest.raises(SystemExit) as end:
        cli.main(list(arguments))
    assert isinstance(end.value.code, int)
    return end.value.code, capsys.readouterr().err


def forged_log(home: Home, folder: Path) -> bytes:
    """Return the log of a change of the published price, as DuckDB writes it."""
    copy = folder / "copy.duckdb"
    copy.write_bytes((home.published / RUN).read_bytes())
    subprocess.run([sys.executable, "-c", FORGE, str(copy)], check=True)
    return (folder / "copy.duckdb.wal").read_bytes()


def usd(home: Home) -> float:
    with database.open_published(home) as connection:
        return float(connection.execute("select usd from core.price").fetchall()[0][0])


def test_a_forged_log_would_be_believed_by_duckdb_and_is_by_nobody_of_ours(home, tmp_path, capsys):
    (home.published / f"{RUN}.wal").write_bytes(forged_log(home, tmp_path))
    with duckdb.connect(home.published / RUN, read_only=True) as connection:
        assert float(connection.execute("from core.price").fetchall()[0][0]) == 0.01
    for arguments in (["sql", "from core.price"], ["offers", "H100"], ["site"], ["package", "--out",
                      str(tmp_path / "package")], ["status"]):  # fmt: skip
        status, said = ran(capsys, *arguments)
        assert status == 2 and "was not published" in said and len(said.splitlines()) == 1
    status, said = ran(capsys, "verify")
    assert status == 1 and f"{RUN}.wal was not published: truecost restore removes it" in said
    assert ran(capsys, "restore")[0] == 0
    assert usd(home) == 2.99
    assert database.foreign_logs(home) == []


@pytest.mark.parametrize(
    ("name", "kind"),
    [(name, "file") for name in LOGS]
    + [(LOGS[0], kind) for kind in ("empty", "folder", "link", "dangling", "pipe")],
)
def test_every_kind_of_log_is_refused_and_removed(home, tmp_path, name, kind, capsys):
    path, target = home.published / name, tmp_path / "precious"
    target.write_text("precious")
    {
        "file": lambda: path.write_bytes(b"x" * 100),
        "empty": path.touch,
        "folder": lambda: (path / "inner").mkdir(parents=True),
        "link": lambda: path.symlink_to(target),
        "dangling": lambda: path.symlink_to(tmp_path / "nothing"),
        "pipe": lambda: os.mkfifo(path),
    }[kind]()
    with pytest.raises(database.ForeignLogError, match="truecost restore"):
        database.open_published(home)
    status, said = ran(capsys, "verify")
    assert status == 1 and f"{name} was not published" in said
    if kind == "folder":
        publication.publish(home, "two")
    else:
        publication.restore(home)
    assert usd(home) == 2.99
    assert not path.exists() and not path.is_symlink()
    assert target.read_text() == "precious"


def test_a_log_that_comes_while_the_file_opens_is_refused(home, monkeypatch):
    connect = duckdb.connect

    def late(path, **settings):
        opened = connect(path, **settings)
        (home.published / f"{RUN}.wal").write_bytes(b"late")
        return opened

    monkeypatch.setattr(database.duckdb, "connect", late)
    with pytest.raises(database.ForeignLogError):
        database.open_published(home)


def test_a_published_file_cannot_be_written_and_a_restored_build_can(home):
    assert stat.S_IMODE((home.published / RUN).stat().st_mode) == 0o444
    publication.restore(home)
    with database.open_build(home) as connection:
        connection.execute("update core.price set usd = 3.5")
    publication.publish(home, "one")
    assert usd(home) == 3.5
    assert stat.S_IMODE((home.published / RUN).stat().st_mode) == 0o444


@contextmanager
def held(path: Path) -> Iterator[int]:
    """Hold a database open for writing in another process."""
    hold = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print(flush=True); input()"
    path.chmod(0o644)
    command = [sys.executable, "-c", hold, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        yield holder.pid
        holder.communicate(b"\n")


def test_a_file_that_is_open_for_writing_is_one_line_with_the_process(home, capsys):
    with held(home.published / RUN) as process:
        for arguments in (["sql", "select 1"], ["offers", "H100"], ["verify"]):
            status, said = ran(capsys, *arguments)
            assert status == 2 and f"open for writing in process {process}" in said
            assert len(said.splitlines()) == 1
        publication.publish(home, "two")  # a new run does not wait for it
        assert usd(home) == 2.99


def test_a_file_that_may_not_be_opened_is_one_line(home, capsys):
    (home.published / RUN).unlink()
    (home.published / RUN).mkdir()
    status, said = ran(capsys, "sql", "select 1")
    assert status == 2 and len(said.splitlines()) == 1


def test_a_publish_leaves_what_a_live_reader_spills(home):
    spilled = home.published / f"{RUN}.tmp" / "duckdb_temp_storage_S32K-0.tmp"
    spilled.parent.mkdir()
    spilled.write_bytes(b"rows of a reader")
    foreign = home.published / "notes.tmp"
    foreign.write_text("of a person")
    half = [home.published / name for name in (".truecost-dead.duckdb.tmp", ".parquet-dead.tmp")]
    half[0].write_bytes(b"half")
    half[1].mkdir()
    publication.publish(home, "two")
    assert spilled.read_bytes() == b"rows of a reader"
    assert foreign.read_text() == "of a person"
    assert not any(path.exists() for path in half)


def test_a_reader_spills_outside_the_home_and_leaves_nothing(home):
    with database.open_published(home) as connection:
        [(named,)] = connection.execute("select current_setting('temp_directory')").fetchall()
        connection.execute("set memory_limit = '40MiB'; set threads = 1")
        connection.execute("create temp table t as select range, hash(range) h from range(3000000)")
        assert Path(named).is_dir() and not Path(named).is_relative_to(home.root)
    assert not Path(named).exists()
    assert [path.name for path in home.published.glob("*.tmp")] == []


MANIFESTS = {
    "cut": lambda text: text[: len(text) // 2],
    "nested": lambda text: "[" * 100_000,
    "no object": lambda text: "[1]",
    "outside": lambda text: text.replace('"path": "', '"path": "../../'),
    "absolute": lambda text: text.replace('"path": "', '"path": "/dev/'),
    "device": lambda text: text.replace('"parts": [', '"parts": [' + PART % "/dev/zero"),
    "other types": lambda text: text.replace('"parts": [', '"parts": [7, '),
    "no parts": lambda text: text.replace('"parts"', '"pieces"'),
}
PART = '{"path": "%s", "rows": 1, "fingerprint": "", "sha256": ""}, '


@pytest.mark.parametrize("kind", MANIFESTS)
def test_a_hostile_manifest_is_named_and_stops_no_publish(home, kind):
    manifest = home.published / "manifest-one.json"
    manifest.write_text(MANIFESTS[kind](manifest.read_text()))
    assert usd(home) == 2.99
    assert "manifest-one.json cannot be read" in publication.damage(home.published / RUN)[0]
    publication.publish(home, "two")
    assert database.published_files(home)[0].name == "truecost-two.duckdb"
    assert publication.damage(home.published / "truecost-two.duckdb") == []


@pytest.mark.parametrize("kind", ["pipe", "dangling", "folder"])
@pytest.mark.parametrize("name", ["manifest-one.json", "truecost-zzz.duckdb", "parquet-zzz"])
def test_what_is_no_published_file_stops_nothing(home, tmp_path, name, kind):
    path = home.published / name
    path.unlink(missing_ok=True)
    {
        "pipe": lambda: os.mkfifo(path),
        "dangling": lambda: path.symlink_to(tmp_path / "nothing"),
        "folder": path.mkdir,
    }[kind]()
    assert usd(home) == 2.99
    assert all("manifest-one.json" in line for line in publication.damage(home.published / RUN))
    publication.publish(home, "two", keep=1)
    assert usd(home) == 2.99
    assert publication.damage(home.published / "truecost-two.duckdb") == []

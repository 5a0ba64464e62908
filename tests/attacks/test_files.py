"""Files of strangers: bombs, links, devices and names; and files of ours that nobody may lose."""

from __future__ import annotations

import gzip
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner, Result

from pipelines.answers import foreign_file
from pipelines.child.limits import Limits
from pipelines.cli import truecost
from tests.conftest import BuildOnce
from tests.pipelines.commands.conftest import publish_days
from warehouse.paths import Home

ROOT = Path(__file__).parents[1]
BILL = ROOT / "fixtures" / "bill" / "focus.csv"
HEADER = BILL.read_text(encoding="utf-8").splitlines()[0]
TRAINING = b"Model,Training compute (FLOP),Training hardware,Publication date\n"
INFERENCE = b"model,precision,gpu,n_gpus,input_len,output_len,metric\n"
MIB = 2**20

Ask = Callable[..., Result]


@pytest.fixture(scope="module")
def home(build_once: BuildOnce) -> Home:
    """Return the published home that the tests of commands share; none changes it."""
    return Home(build_once("answers", publish_days) / "home")


@pytest.fixture
def ask(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Return a way to run the command in a folder of its own."""
    monkeypatch.setenv("TRUECOST_HOME", str(home.root))
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(truecost, list(map(str, arguments)))


def parquet(folder: Path, select: str) -> Path:
    path = folder / "bomb.parquet"
    with duckdb.connect() as connection:
        connection.execute(f"copy ({select}) to '{path}' (format parquet)")
    return path


def gzipped(folder: Path, content: bytes, name: str = "bomb.csv.gz") -> Path:
    path = folder / name
    path.write_bytes(gzip.compress(content, compresslevel=1))
    return path


def text(folder: Path, content: bytes, name: str = "bomb.csv") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


ROWS = ", ".join(f"'{'x' * 50}' as \"{name}\"" for name in HEADER.split(","))
BILLS: dict[str, Callable[[Path], Path]] = {
    "parquet of one value": lambda f: parquet(f, f"select {ROWS} from range(1000000)"),
    "parquet of one long text": lambda f: parquet(
        f, "select repeat('x', 150000000) as \"ProviderName\""
    ),
    "gzip of short rows": lambda f: gzipped(f, HEADER.encode() + b"\n" + b"a,b\n" * 30 * MIB),
    "one field that never ends": lambda f: text(f, HEADER.encode() + b'\n"' + b"x" * 8 * MIB),
    "a million columns": lambda f: text(f, b",".join(b"c%d" % n for n in range(100_000)) + b"\n"),
    "cut gzip": lambda f: text(f, gzip.compress(b"a,b\n" * 999)[:20], "cut.csv.gz"),
    "cut parquet": lambda f: text(f, b"PAR1" + b"\0" * 99 + b"PAR1", "cut.parquet"),
    "parquet that is text": lambda f: text(f, b"a,b\n", "text.parquet"),
    "gzip that is text": lambda f: text(f, b"a,b\n", "text.csv.gz"),
    "zeros": lambda f: text(f, b"\0" * MIB),
    "utf-16": lambda f: text(f, HEADER.encode("utf-16")),
    "brackets": lambda f: text(f, b"[" * MIB + b"\n"),
    "quotes": lambda f: text(f, b'"' * MIB + b"\n"),
}


@pytest.mark.parametrize("kind", BILLS)
def test_a_hostile_bill_is_one_line(ask: Ask, tmp_path: Path, kind: str) -> None:
    path = BILLS[kind](tmp_path)
    result = ask("bill", path, "--max-memory-mib", 64, "--max-seconds", 20)
    assert (result.exit_code, result.stdout) == (2, ""), result.output
    assert result.stderr.splitlines()[-1].startswith("Error: ")
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


CASES: dict[str, Callable[[Path], Path]] = {
    "gzip bomb": lambda f: gzipped(f, TRAINING + b"\0" * 2**28),
    "cut gzip": lambda f: text(f, gzip.compress(TRAINING * 99)[:30], "cut.csv.gz"),
    "gzip that is text": lambda f: text(f, TRAINING, "text.csv.gz"),
    "too many cases": lambda f: text(f, TRAINING + INFERENCE + b"a,b,c,d\n" * 200_001),
    "one field that never ends": lambda f: text(f, TRAINING + b'"' + b"x" * MIB),
    "zeros": lambda f: text(f, b"\0" * MIB),
    "not utf-8": lambda f: text(f, TRAINING + b"\xff\xfe"),
    "empty": lambda f: text(f, b""),
}


@pytest.mark.parametrize("model", ["training", "inference"])
@pytest.mark.parametrize("kind", CASES)
def test_a_hostile_table_of_cases_is_one_line(
    ask: Ask, tmp_path: Path, kind: str, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = Limits(memory_bytes=2**27, cpu_seconds=20, wall_seconds=60)
    monkeypatch.setattr(foreign_file, "LIMITS", small)
    result = ask("backtest", model, CASES[kind](tmp_path), "--out", tmp_path / "out.csv")
    assert (result.exit_code, result.stdout) == (2, ""), result.output
    assert result.stderr.splitlines()[-1].startswith("Error: ")
    assert not (tmp_path / "out.csv").exists()


SPECIAL: dict[str, Callable[[Path], object]] = {
    "link": lambda path: path.symlink_to(BILL),
    "dangling link": lambda path: path.symlink_to("nothing"),
    "loop": lambda path: path.symlink_to(path),
    "folder": lambda path: path.mkdir(),
    "pipe": lambda path: os.mkfifo(path),
    "nothing": lambda path: None,
}


@pytest.mark.parametrize("kind", SPECIAL)
@pytest.mark.parametrize("command", [["bill"], ["backtest", "training"], ["backtest", "inference"]])
def test_what_is_no_file_is_refused(
    ask: Ask, tmp_path: Path, command: list[str], kind: str
) -> None:
    SPECIAL[kind](tmp_path / "given.csv")
    result = ask(*command, tmp_path / "given.csv")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("name", ["/dev/zero", "/dev/stdin", "/proc/self/mem", "x" * 300])
def test_devices_and_impossible_names_are_refused(ask: Ask, name: str) -> None:
    result = ask("bill", name)
    assert (result.exit_code, result.stdout) == (2, "")


def test_amounts_beyond_reason_are_not_read(ask: Ask, tmp_path: Path) -> None:
    path = tmp_path / "bill.csv"
    path.write_text(BILL.read_text(encoding="utf-8").replace("2122.80", "1e308"), encoding="utf-8")
    result = ask("bill", path)
    assert result.exit_code == 0
    assert "number not read: 1e308" in result.stdout
    assert "nan" not in result.stdout and "inf " not in result.stdout


WRITERS = {
    "bill": ("bill", BILL, "--folder", ".", "--export", "out.csv"),
    "sql": ("sql", "select 1", "--out", "out.csv"),
    "training": ("backtest", "training", "cases.csv", "--out", "out.csv"),
    "inference": ("backtest", "inference", "cases.csv", "--out", "out.csv"),
}


@pytest.mark.parametrize("kind", ["file", "link", "dangling link", "folder", "pipe"])
@pytest.mark.parametrize("command", WRITERS)
def test_nothing_is_replaced_by_accident(ask: Ask, tmp_path: Path, command: str, kind: str) -> None:
    outside, out = tmp_path / "precious", tmp_path / "out.csv"
    outside.write_text("precious")
    {
        "file": lambda: shutil.copy(outside, out),
        "link": lambda: out.symlink_to(outside),
        "dangling link": lambda: out.symlink_to(tmp_path / "made"),
        "folder": out.mkdir,
        "pipe": lambda: os.mkfifo(out),
    }[kind]()
    for force in ((), ("--force",)) if kind != "file" else ((),):
        result = ask(*WRITERS[command], *force)
        assert (result.exit_code, result.stdout) == (2, ""), result.output
    assert outside.read_text() == "precious"
    assert not (tmp_path / "made").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.csv", "precious"]


def test_a_bill_is_never_replaced_by_its_answer(ask: Ask, tmp_path: Path) -> None:
    shutil.copy(BILL, tmp_path / "in.csv")
    assert ask("bill", "in.csv", "--export", "in.csv").exit_code == 2
    assert (tmp_path / "in.csv").read_bytes() == BILL.read_bytes()
    assert ask("bill", "in.csv", "--export", "out.csv").exit_code == 0
    (tmp_path / "out.csv").write_text("old")
    assert ask("bill", "in.csv", "--export", "out.csv", "--force").exit_code == 0
    assert (tmp_path / "out.csv").read_text() != "old"

"""Derived files that were cut count as absent: read again from landing, and named by verify."""

from __future__ import annotations

import logging
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipelines.capture.landing import Landing
from pipelines.capture.manifest import Capture
from pipelines.reading.ledger import capture_ledger, pending_captures, rows_before
from pipelines.reading.reader import parse_captures, repair
from pipelines.reading.whole import damaged
from tests.pipelines.captures import filed
from warehouse.paths import Home

MOMENT = datetime(2026, 7, 1, 6, tzinfo=UTC)
SOURCE = "ecb"
RATES = b"""<?xml version="1.0" encoding="UTF-8"?>
<gesmes:Envelope xmlns:gesmes="http://www.gesmes.org/xml/2002-08-01"
 xmlns="http://www.ecb.int/vocabulary/2002-08-01/eurofxref"><Cube>
<Cube time="2026-07-01"><Cube currency="USD" rate="1.0%d"/></Cube></Cube></gesmes:Envelope>"""


def captured(home: Home, day: int) -> Capture:
    return filed(home, RATES % (10 + day), days=day, source_id=SOURCE, key="rates")


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Return a home with two captures that were read; tests work on copies of it."""
    home = Home(tmp_path_factory.mktemp("filled"))
    parse_captures(home, [captured(home, day) for day in (0, 1)])
    return home


@pytest.fixture
def home(filled: Home, tmp_path: Path) -> Home:

    shutil.copytree(filled.root, tmp_path / "home")
    return Home(tmp_path / "home")


def files(home: Home, ending: str) -> list[Path]:
    return sorted(home.observations.glob(f"*/*/*{ending}"))


DAMAGE = {
    "cut": lambda content: content[: len(content) // 2],
    "empty": lambda content: b"",
    "zeros": lambda content: b"\0" * len(content),
    "other json": lambda content: b"[]",
    "other fields": lambda content: b'{"rows": [{}], "rows_known": 1}',
    "deep": lambda content: b"[" * 100_000,
    "outside": lambda content: content.replace(b"observations/", b"../elsewhere/"),
}


@pytest.mark.parametrize(
    ("ending", "kind"),
    [(ending, kind) for ending in (".ledger.json", ".result.json") for kind in DAMAGE]
    + [(".parquet", kind) for kind in ("cut", "empty", "zeros", "other json")],
)
def test_a_damaged_file_stops_nothing_and_is_made_again(
    home: Home, ending: str, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    before = capture_ledger(home)
    assert before.num_rows == 2
    target = files(home, ending)[0]
    whole = target.read_bytes()
    target.write_bytes(DAMAGE[kind](whole))
    assert [line.split(" ")[0] for line in damaged(home)] == [
        target.relative_to(home.root).as_posix()
    ]
    later = captured(home, 2)
    parse_captures(home, pending_captures(home, [SOURCE]))
    again = repair(home)
    assert len(again) == (ending != ".result.json")
    found = capture_ledger(home)
    assert found.slice(0, 2).equals(before)
    assert found.num_rows == 3
    if ending == ".result.json":
        parse_captures(home, [Landing(home).capture(found["capture_id"][0].as_py())])
    assert list(damaged(home)) == []
    assert target.read_bytes() == whole or ending == ".parquet"
    assert rows_before(home, later) == {"rates": 1}
    assert repair(home) == []


def test_what_the_build_knows_is_not_read_again(home: Home) -> None:
    files(home, ".parquet")[0].write_bytes(b"")
    known = {value.as_py() for value in capture_ledger(home)["capture_id"]}
    assert repair(home, known) == []


@pytest.fixture
def told(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> pytest.LogCaptureFixture:
    """Return what is logged, whatever another test has done to the loggers."""
    for name in ("pipelines", "pipelines.reading.whole", "pipelines.capture.manifest"):
        logger = logging.getLogger(name)
        monkeypatch.setattr(logger, "disabled", False)
        monkeypatch.setattr(logger, "propagate", True)
        caplog.set_level(logging.WARNING, logger=name)
    return caplog


def test_a_damaged_ledger_without_its_capture_is_left_out(
    home: Home, told: pytest.LogCaptureFixture
) -> None:
    files(home, ".ledger.json")[0].write_bytes(b"{")
    sorted(home.landing.glob("*/*/*.json"))[0].unlink()
    assert repair(home) == []
    assert capture_ledger(home).num_rows == 1
    assert "counts as absent" in told.text


def test_a_damaged_manifest_stops_no_other_capture(
    home: Home, told: pytest.LogCaptureFixture
) -> None:
    captured(home, 2)
    newest = captured(home, 3)
    manifest = home.landing / f"{newest.capture_id}.json"
    manifest.write_bytes(manifest.read_bytes()[:50])
    assert len(pending_captures(home, [SOURCE])) == 1
    found = Landing(home).last_good(SOURCE, lambda capture, record: True)
    assert [last.record.sha256 for last in found.values()]
    assert f"{manifest} is damaged" in told.text

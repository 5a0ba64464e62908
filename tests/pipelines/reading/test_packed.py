"""What was read of months long past lies in one file a month, and is read as before."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pytest

from pipelines.capture.landing import Landing
from pipelines.capture.manifest import Capture
from pipelines.reading.ledger import capture_ledger, lines_by_day, pending_captures, rows_before
from pipelines.reading.packed import make_packs, observed
from pipelines.reading.reader import has_reading, parse_captures, repair
from pipelines.reading.whole import damaged, has_readings, is_whole_parquet
from pipelines.sources import all_sources
from tests.pipelines.captures import filed
from warehouse.paths import Home

SOURCE = "ecb"
RATES = b"""<?xml version="1.0" encoding="UTF-8"?>
<gesmes:Envelope xmlns:gesmes="http://www.gesmes.org/xml/2002-08-01"
 xmlns="http://www.ecb.int/vocabulary/2002-08-01/eurofxref"><Cube>
<Cube time="2026-07-01"><Cube currency="USD" rate="1.0%d"/></Cube></Cube></gesmes:Envelope>"""
LATER = date(2026, 8, 1)
PACK = Path("ecb/2026-07.zip")


def captured(home: Home, day: int, rate: int) -> Capture:
    return filed(home, RATES % rate, days=day, source_id=SOURCE, key="rates")


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Return a home that read three answers of July, and in August the second of them again."""
    home = Home(tmp_path_factory.mktemp("filled"))
    parse_captures(home, [captured(home, *one) for one in ((0, 10), (1, 11), (2, 12), (40, 11))])
    return home


@pytest.fixture
def home(filled: Home, tmp_path: Path) -> Home:
    shutil.copytree(filled.root, tmp_path / "home")
    return Home(tmp_path / "home")


def loose(home: Home) -> list[str]:
    return sorted(path.parent.name for path in home.observations.glob("*/*/*"))


def rows(home: Home) -> list[str]:
    """Return the files of rows that the ledger names."""
    paths = capture_ledger(home)["observation_path"].to_pylist()
    return sorted({path for path in paths if path})


def test_a_month_is_one_file_and_the_ledger_reads_as_before(home: Home) -> None:
    ledger, files, days = capture_ledger(home), list(observed(home)), lines_by_day(home, SOURCE)
    made, refused = make_packs(home, LATER)
    assert [pack.path for pack in made] == [f"landing/{PACK}", f"observations/{PACK}"]
    assert refused == []
    # The rows of August lie where their bytes were first kept; its entry is its own.
    assert loose(home) == ["2026-07-02"] * 2 + ["2026-08-10"]
    assert capture_ledger(home).equals(ledger)
    assert (list(observed(home)), lines_by_day(home, SOURCE)) == (files, days)
    assert pending_captures(home, [SOURCE]) == [] and has_readings(home)
    assert list(damaged(home)) == []
    assert make_packs(home, LATER) == ([], [])


def test_rows_come_back_for_a_build_that_does_not_know_them(home: Home) -> None:
    before = {path: (home.root / path).read_bytes() for path in rows(home)}
    make_packs(home, LATER)
    assert not all(is_whole_parquet(home.root / path) for path in before)
    known = capture_ledger(home)["capture_id"].to_pylist()
    repair(home, known[1:])
    assert [is_whole_parquet(home.root / path) for path in before].count(True) == 2
    assert repair(home) == []
    assert {path: (home.root / path).read_bytes() for path in before} == before
    make_packs(home, LATER)
    assert loose(home) == ["2026-07-02"] * 2 + ["2026-08-10"]
    assert sorted(observed(home)) == list(observed(home))


def test_a_source_that_comes_back_knows_what_it_had(home: Home) -> None:
    shutil.rmtree(home.observations / SOURCE / "2026-08-10")
    make_packs(home, LATER)
    assert loose(home) == []
    late = captured(home, 41, 10)
    assert rows_before(home, late) == {"rates": 1}
    [first, *_] = Landing(home).captures(SOURCE)
    assert not has_reading(home, all_sources()[SOURCE], first, first.requests[0])
    [result] = parse_captures(home, [late])
    assert (result.status, result.observation_path) == ("ok", rows(home)[0])


def test_what_was_recorded_lately_stays_however_old_it_is(home: Home) -> None:
    path = next(home.observations.glob("*/2026-07-01/*.ledger.json"))
    text = path.read_text()
    path.write_text(text.replace('"recorded_at": "2026-07-01', '"recorded_at": "2026-08-20'))
    assert path.read_text() != text
    make_packs(home, LATER)
    assert loose(home).count("2026-07-01") == 3  # its entry, its rows, their result


@pytest.mark.parametrize("cut", [0, 30])
def test_a_damaged_pack_is_named_and_read_again_from_landing(home: Home, cut: int) -> None:
    ledger = capture_ledger(home)
    make_packs(home, LATER)
    pack = home.observations / PACK
    content = bytearray(pack.read_bytes())
    start = content.index(b'{"rows"')
    content[start : start + 4] = b"\0\0\0\0"
    pack.write_bytes(content[: len(content) - cut])
    [line] = damaged(home)
    assert str(PACK) in line and "landing" in line
    parse_captures(home, pending_captures(home, [SOURCE]))
    repair(home)
    assert (
        capture_ledger(home)
        .drop_columns("observation_path")
        .equals(ledger.drop_columns("observation_path"))
    )
    made, refused = make_packs(home, LATER)
    assert (len(made), refused, list(damaged(home))) == (1, [], [])
    assert pending_captures(home, [SOURCE]) == []

"""Packs: every file of a month in one, readable as before, and nothing lost at any moment."""

from __future__ import annotations

import io
import signal
import subprocess
import sys
import zipfile
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.capture import packs
from pipelines.capture.landing import Landing
from pipelines.capture.manifest import LandingDamagedError
from pipelines.capture.packs import make_packs
from tests.pipelines.captures import filed
from warehouse.paths import Home

LATER = date(2026, 8, 1)  # every capture of July is older


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Return a data folder with captures of two days in July and one in August."""
    found = Home(tmp_path)
    for days, content in ((0, b"first"), (3, b"second"), (3, b"third"), (40, b"August")):
        filed(found, content, days=days)
    return found


def stored(home: Home) -> dict[str, bytes]:
    """Return the bytes of every file of landing, packed or not."""
    landing = Landing(home)
    found = {}
    for path in landing.files():
        with landing.open(path) as file:
            found[path] = file.read()
    return found


def loose(home: Home) -> list[str]:
    """Return the days that are still folders."""
    return sorted(path.name for path in home.landing.glob("akash/*") if path.is_dir())


def test_a_month_becomes_one_file_and_reads_as_before(home: Home):
    before, ids = stored(home), Landing(home).capture_ids("akash")
    captures = list(Landing(home).captures("akash"))
    [made], refused = make_packs(home, LATER)
    assert (made.path, made.files, refused) == ("akash/2026-07.zip", 6, [])
    assert loose(home) == ["2026-08-10"]
    landing = Landing(home)
    assert stored(home) == before
    assert (landing.capture_ids("akash"), list(landing.captures("akash"))) == (ids, captures)
    assert [p.content for one in captures for _, p in landing.payloads(one)] == [
        b"first", b"second", b"third", b"August",
    ]  # fmt: skip
    assert list(landing.damaged()) == []
    [path] = landing.verify(captures[0].requests[0].sha256 or "")
    assert path == captures[0].requests[0].path
    assert make_packs(home, LATER) == ([], [])


def test_a_month_that_is_not_long_past_stays(home: Home):
    assert make_packs(home, date(2026, 7, 31)) == ([], [])
    assert loose(home) == ["2026-07-01", "2026-07-04", "2026-08-10"]


def test_packed_bytes_are_known_and_not_kept_twice(home: Home):
    make_packs(home, LATER)
    again = Landing(home).keep("akash", date(2026, 8, 11), io.BytesIO(b"second"))
    assert (again.path.split("/")[1], again.is_new) == ("2026-07-04", False)


def test_a_capture_of_a_packed_moment_gets_a_name_of_its_own(home: Home):
    make_packs(home, LATER)
    first = Landing(home).capture_ids("akash")[0]
    assert filed(home, b"refiled").capture_id == f"{first}-001"
    [made], _ = make_packs(home, LATER)
    assert made.files == 2
    assert len(Landing(home).capture_ids("akash")) == 5
    assert list(Landing(home).damaged()) == []


def test_an_open_landing_sees_what_was_packed_since(home: Home):
    landing = Landing(home)
    ids = landing.capture_ids("akash")
    make_packs(home, LATER)
    filed(home, b"late", days=1)
    assert [landing.capture(one).capture_id for one in ids] == ids
    assert len(landing.capture_ids("akash")) == 5
    make_packs(home, LATER)
    assert len(landing.capture_ids("akash")) == 5


def test_a_damaged_payload_is_named_and_its_month_stays(home: Home):
    first = next(Landing(home).captures("akash")).requests[0].path or ""
    (home.landing / first).write_bytes(b"cut")
    before = stored(home)
    made, [line] = make_packs(home, LATER)
    assert made == [] and first in line and "backup" in line
    assert stored(home) == before and loose(home)[0] == "2026-07-01"
    assert not list(home.landing.rglob("*.zip")) + list(home.landing.rglob("*.tmp"))


def test_bytes_that_come_back_otherwise_are_not_packed(home: Home, monkeypatch: pytest.MonkeyPatch):
    before = stored(home)
    written = packs._write

    def torn(*arguments: Any) -> dict[str, str]:
        digests = written(*arguments)
        name = next(name for name in digests if name.endswith(".json"))
        return digests | {name: "0" * 64}

    monkeypatch.setattr(packs, "_write", torn)
    made, [line] = make_packs(home, LATER)
    assert made == [] and "other bytes were read back" in line
    assert stored(home) == before and not list(home.landing.rglob("*.zip"))


def test_two_manifests_of_one_name_are_not_made_one(home: Home):
    make_packs(home, LATER)
    name = Landing(home).capture_ids("akash")[0]
    other = home.landing / f"{name}.json"
    other.parent.mkdir()
    other.write_text("{}")
    made, [line] = make_packs(home, LATER)
    assert made == [] and str(other) in line and "differs" in line
    assert other.exists()


def test_a_damaged_pack_is_named_and_stays(home: Home):
    make_packs(home, LATER)
    pack = home.landing / "akash/2026-07.zip"
    content = bytearray(pack.read_bytes())
    pack.write_bytes(content[:-30])
    landing = Landing(home)
    assert [line for line in landing.damaged() if str(pack) in line]
    assert landing.capture_ids("akash") == ["akash/2026-08-10/060000000000"]
    filed(home, b"late", days=1)
    made, [line] = make_packs(home, LATER)
    assert made == [] and str(pack) in line
    assert loose(home) == ["2026-07-02", "2026-08-10"]


def test_bytes_that_replace_damaged_ones_go_into_the_pack(home: Home):
    make_packs(home, LATER)
    pack = home.landing / "akash/2026-07.zip"
    with zipfile.ZipFile(pack) as found:
        [name] = [one for one in found.namelist() if one.startswith("2026-07-01") and "zst" in one]
        offset = found.getinfo(name).header_offset + 30 + len(name) + 20 + 5
    content = bytearray(pack.read_bytes())
    content[offset] ^= 0xFF
    pack.write_bytes(content)
    with pytest.raises(LandingDamagedError):
        Landing(home).content(f"akash/{name}")
    assert Landing(home).keep("akash", date(2026, 8, 11), io.BytesIO(b"first")).is_new
    assert Landing(home).content(f"akash/{name}") == b"first"
    [made], refused = make_packs(home, LATER)
    assert (made.files, refused) == (1, [])
    assert list(Landing(home).damaged()) == []


@given(
    captures=st.lists(
        st.tuples(st.integers(0, 70), st.binary(max_size=40)), min_size=1, max_size=6
    ),
    packed_on=st.lists(st.integers(0, 120), max_size=3),
)
def test_whenever_it_is_packed_every_byte_stays(
    captures: list[tuple[int, bytes]],
    packed_on: list[int],
    tmp_path_factory: pytest.TempPathFactory,
):
    home = Home(tmp_path_factory.mktemp("home"))
    kept: dict[str, bytes] = {}
    for number, (days, content) in enumerate(captures):
        filed(home, content, days=days)
        kept |= stored(home)
        for day in packed_on[number::6]:
            make_packs(home, date(2026, 7, 1) + timedelta(days=day))
            assert stored(home) == kept
    assert list(Landing(home).damaged()) == []


PACK = """
import sys
from datetime import date
from pathlib import Path
from pipelines.capture.packs import make_packs
from warehouse.paths import Home
sys.addaudithook(lambda event, args: print(event, flush=True) if event in
                 ("os.rename", "os.remove", "os.rmdir") and "landing" in str(args[0]) else None)
sys.stdin.readline()
make_packs(Home(Path(sys.argv[1])), date(2026, 8, 1))
"""


@pytest.mark.slow
@pytest.mark.parametrize("killed_at", range(8))
def test_a_kill_loses_nothing(killed_at: int, home: Home):
    before = stored(home)
    process = subprocess.Popen(
        [sys.executable, "-c", PACK, str(home.root)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdin and process.stdout
    process.stdin.write("\n")
    process.stdin.flush()
    for _ in range(killed_at):
        process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdin.close()
    process.stdout.close()
    assert stored(home) == before
    make_packs(home, LATER)
    assert stored(home) == before and loose(home) == ["2026-08-10"]
    assert not list(home.landing.glob("akash/*.tmp"))

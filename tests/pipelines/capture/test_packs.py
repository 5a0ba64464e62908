"""Packs: every file of a month in one, readable as before, and nothing lost at any moment."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import subprocess
import sys
import warnings
import zipfile
from collections.abc import Callable
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
    assert (made.path, made.files, refused) == ("landing/akash/2026-07.zip", 6, [])
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

    def torn(*arguments: Any, **options: Any) -> dict[str, str]:
        digests = written(*arguments, **options)
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


def repacked(pack: Path, name: str, content: bytes = b"{}", **how: Any) -> None:
    """Add an entry to a pack."""
    with zipfile.ZipFile(pack, "a", **how) as found, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a name that is there twice
        found.writestr(name, content)


def first_name(pack: Path) -> str:
    with zipfile.ZipFile(pack) as found:
        return found.namelist()[0]


FOREIGN: dict[str, Callable[[Path], object]] = {
    "a path that leads out": lambda pack: repacked(pack, "../../secret.json"),
    "a path that leads out of a day": lambda pack: repacked(pack, "2026-07-01/../../secret.json"),
    "an absolute path": lambda pack: repacked(pack, "/etc/secret.json"),
    "a backslash": lambda pack: repacked(pack, "2026-07-01\\..\\secret.json"),
    "another month": lambda pack: repacked(pack, "2026-06-01/060000000000.json"),
    "no file of landing": lambda pack: repacked(pack, "2026-07-01/run.sh"),
    "a folder": lambda pack: repacked(pack, "2026-07-01/"),
    "a file twice": lambda pack: repacked(pack, first_name(pack)),
    "a bomb": lambda pack: repacked(
        pack, "2026-07-01/070000000000.json", b" " * 2**24, compression=zipfile.ZIP_DEFLATED
    ),
    "LZMA": lambda pack: repacked(
        pack, "2026-07-01/070000000000.json", compression=zipfile.ZIP_LZMA
    ),
    "not a zip": lambda pack: pack.write_bytes(b"<html>"),
    "empty": lambda pack: pack.write_bytes(b""),
    "a folder in its place": lambda pack: (pack.unlink(), pack.mkdir()),
    "a pipe in its place": lambda pack: (pack.unlink(), os.mkfifo(pack)),
    "a device in its place": lambda pack: (pack.unlink(), pack.symlink_to("/dev/zero")),
}


@pytest.mark.parametrize("attack", FOREIGN)
def test_a_pack_that_is_not_ours_is_named_and_nothing_else_stops(home: Home, attack: str):
    make_packs(home, LATER)
    (home.root / "secret.json").write_text("{}")
    pack = home.landing / "akash/2026-07.zip"
    FOREIGN[attack](pack)
    landing = Landing(home)
    assert [line for line in landing.damaged() if str(pack) in line]
    assert landing.capture_ids("akash") == ["akash/2026-08-10/060000000000"]
    assert len(list(landing.captures("akash"))) == 1
    filed(home, b"late", days=1)
    made, [line] = make_packs(home, LATER)
    assert made == [] and str(pack) in line
    assert [name for name in loose(home) if name != pack.name] == ["2026-07-02", "2026-08-10"]


def test_what_somebody_else_put_there_stops_nothing(home: Home):
    make_packs(home, LATER)
    (home.landing / "akash/2026-08-10/.json").touch()
    old = home.landing / ".unfinished/old"
    old.mkdir()
    os.utime(old, (0, 0))
    Landing(home).prepare()
    ids = Landing(home).capture_ids("akash")
    for name in ("2026-06.zip", "2026-05-01"):
        link = home.landing / "akash" / name
        link.symlink_to(link)
    (home.landing / "akash/2026-04.zip").symlink_to("nothing")
    landing = Landing(home)
    assert landing.capture_ids("akash") == ids
    assert len(list(landing.captures("akash"))) == 4
    assert filed(home, b"more", days=41).capture_id.startswith("akash/2026-08-11")
    assert make_packs(home, LATER) == ([], [])


@given(place=st.integers(0, 10**6), value=st.integers(0, 255), is_ending=st.booleans())
def test_one_byte_of_a_pack_never_stops_the_others(
    place: int, value: int, is_ending: bool, tmp_path_factory: pytest.TempPathFactory
):
    home = Home(tmp_path_factory.mktemp("home"))
    for days in (0, 3):
        filed(home, b"content", days=days)
    make_packs(home, LATER)
    pack = home.landing / "akash/2026-07.zip"
    content = bytearray(pack.read_bytes())
    place = len(content) - 1 - place % 300 if is_ending else place % len(content)
    content[place] = value
    pack.write_bytes(content)
    filed(home, b"other", days=40)
    landing = Landing(home)
    assert "akash/2026-08-10/060000000000" in [one.capture_id for one in landing.captures("akash")]
    for capture in landing.captures("akash"):
        with contextlib.suppress(LandingDamagedError):
            assert all(p.content in (b"content", b"other") for _, p in landing.payloads(capture))
    list(landing.damaged())
    filed(home, b"late", days=1)
    made, refused = make_packs(home, LATER)
    assert bool(made) != bool(refused)


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

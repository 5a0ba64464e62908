"""Landing keeps every byte once, whole, and notices when a file is no longer what it was."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from pipelines.capture.landing import Landing
from pipelines.capture.manifest import Capture, LandingDamagedError, RequestRecord
from warehouse.files import new_file
from warehouse.paths import Home

DAY = date(2026, 7, 1)
MOMENT = datetime(2026, 7, 1, 6, 0, 4, 5, tzinfo=UTC)


@pytest.fixture
def landing(tmp_path: Path) -> Landing:
    found = Landing(Home(tmp_path))
    found.prepare()
    return found


def record(sha256: str | None = None, path: str | None = None, **fields: object) -> RequestRecord:
    defaults = RequestRecord(
        key="prices",
        scope="prices",
        url="https://acme.example/prices",
        method="GET",
        question="GET https://acme.example/prices",
        outcome="ok",
        status=200,
        sha256=sha256,
        path=path,
        bytes=3,
        ending="line break",
        content_type="text/csv",
        etag='"v1"',
        started_at=MOMENT,
        finished_at=MOMENT,
        attempts=2,
        warnings=("odd type",),
    )
    return replace(defaults, **fields)  # type: ignore[arg-type]


def capture_of(*requests: RequestRecord, moment: datetime = MOMENT) -> Capture:
    return Capture(
        source_id="acme",
        capture_id="",
        seen_at=moment,
        recorded_at=moment,
        status="ok",
        requests=requests,
    )


def keep(landing: Landing, content: bytes, day: date = DAY) -> str:
    return landing.keep("acme", day, io.BytesIO(content)).path


def test_a_payload_lies_under_its_hash(landing: Landing, tmp_path: Path):
    path = keep(landing, b"H100,2.99\n")
    assert path.startswith("acme/2026-07-01/")
    assert (tmp_path / "landing" / path).is_file()
    assert landing.content(path) == b"H100,2.99\n"
    assert landing.verify(Path(path).stem) == [path]


@given(content=st.binary(max_size=4096))
def test_every_byte_comes_back(content: bytes, tmp_path_factory: pytest.TempPathFactory):
    landing = Landing(Home(tmp_path_factory.mktemp("home")))
    assert landing.content(keep(landing, content)) == content


def test_the_same_bytes_on_a_later_day_are_not_written_again(landing: Landing, tmp_path: Path):
    first = keep(landing, b"same")
    other = keep(landing, b"other", date(2026, 7, 2))
    again = landing.keep("acme", date(2026, 7, 3), io.BytesIO(b"same"))
    assert (again.path, again.is_new) == (first, False)
    assert sorted(f.name for f in (tmp_path / "landing").rglob("*.zst")) == sorted(
        [Path(first).name, Path(other).name]
    )
    # Another source's bytes are its own.
    assert landing.keep("beta", DAY, io.BytesIO(b"same")).is_new


def test_a_kept_file_is_never_touched_again(landing: Landing, tmp_path: Path):
    file = tmp_path / "landing" / keep(landing, b"same")
    before = file.stat()
    keep(landing, b"same")
    after = file.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_manifest_says_what_was_asked_and_what_came(landing: Landing):
    path = keep(landing, b"x\n")
    filed = landing.record(capture_of(record(Path(path).stem, path)))
    assert filed.capture_id == "acme/2026-07-01/060004000005"
    [read] = landing.captures("acme")
    assert read == filed
    assert landing.capture(filed.capture_id) == filed
    [(asked, payload)] = landing.payloads(read)
    assert (payload.content, payload.key, payload.seen_at) == (b"x\n", "prices", MOMENT)
    assert asked.attempts == 2


def test_a_manifest_keeps_the_field_names_of_every_version(landing: Landing, tmp_path: Path):
    filed = landing.record(capture_of())
    text = (tmp_path / "landing" / f"{filed.capture_id}.json").read_text()
    assert json.loads(text)["captured_at"] == MOMENT.isoformat()
    assert "seen_at" not in text
    assert landing.capture(filed.capture_id).seen_at == MOMENT


def test_two_captures_of_one_moment_both_stay_in_order(landing: Landing):
    ids = [landing.record(capture_of()).capture_id for _ in range(12)]
    assert ids == sorted(ids)
    assert len(set(ids)) == 12
    assert landing.capture_ids("acme") == ids


def test_captures_are_read_from_a_day_on(landing: Landing):
    for day in (1, 2, 3):
        landing.record(capture_of(moment=MOMENT.replace(day=day)))
    assert [c.day.day for c in landing.captures("acme", date(2026, 7, 2))] == [2, 3]
    assert list(landing.captures("nobody")) == []
    assert landing.sources() == ["acme"]


def test_the_last_good_answer_is_the_newest_with_bytes(landing: Landing):
    old, new = keep(landing, b"old\n"), keep(landing, b"new\n")
    landing.record(capture_of(record(Path(old).stem, old)))
    landing.record(capture_of(record(Path(new).stem, new), moment=MOMENT.replace(day=2)))
    failed = record(outcome="failed", error_class="timeout")
    landing.record(capture_of(failed, moment=MOMENT.replace(day=3)))
    [(question, last)] = landing.last_good("acme", lambda capture, record: True).items()
    assert question == "GET https://acme.example/prices"
    assert last.record.path == new
    [last] = landing.last_good("acme", lambda capture, record: record.path == old).values()
    assert last.record.path == old


def test_a_damaged_file_is_named(landing: Landing, tmp_path: Path):
    good, bad = keep(landing, b"good" * 100), keep(landing, b"bad" * 100)
    file = tmp_path / "landing" / bad
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with pytest.raises(LandingDamagedError, match=Path(bad).name):
        landing.content(bad)
    with pytest.raises(LandingDamagedError, match="damaged"):
        landing.verify(Path(bad).stem)
    [line] = landing.damaged()
    assert bad in line
    assert landing.content(good) == b"good" * 100


def test_other_bytes_under_the_same_name_are_noticed(landing: Landing, tmp_path: Path):
    one, two = keep(landing, b"one"), keep(landing, b"two")
    (tmp_path / "landing" / one).write_bytes((tmp_path / "landing" / two).read_bytes())
    with pytest.raises(LandingDamagedError, match="restore it"):
        landing.content(one)


def test_a_cut_or_missing_file_is_noticed(landing: Landing, tmp_path: Path):
    path = keep(landing, os.urandom(5000))
    file = tmp_path / "landing" / path
    file.write_bytes(file.read_bytes()[:2000])
    with pytest.raises(LandingDamagedError):
        landing.content(path)
    file.unlink()
    with pytest.raises(LandingDamagedError, match="is missing"):
        landing.content(path)
    with pytest.raises(LandingDamagedError, match="no landing file"):
        landing.verify(Path(path).stem)


def test_a_damaged_manifest_is_named_and_the_others_are_read(
    landing: Landing, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    filed, whole = landing.record(capture_of()), landing.record(capture_of())
    (tmp_path / "landing" / f"{filed.capture_id}.json").write_text('{"source_id": "acme"')
    with pytest.raises(LandingDamagedError, match="060004000005"):
        landing.capture(filed.capture_id)
    assert list(landing.captures("acme")) == [whole]
    assert "060004000005.json is damaged" in caplog.text


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("path", "../outside/" + "a" * 64 + ".zst"),
        ("path", "/etc/passwd"),
        ("path", f"acme/2026-07-01/../2026-07-01/{'a' * 64}.zst"),
        ("path", "acme/2026-07-01/secret.zst"),
        ("capture_id", "../../outside/2026-07-01/060004000005"),
        ("capture_id", "acme/2026-07-02/060004000005"),
        ("source_id", "../outside"),
    ],
)
def test_a_manifest_that_points_elsewhere_is_damaged(
    landing: Landing, tmp_path: Path, field: str, value: str
):
    path = keep(landing, b"H100,2.99\n")
    filed = landing.record(capture_of(record(Path(path).stem, path)))
    manifest = tmp_path / "landing" / f"{filed.capture_id}.json"
    fields = json.loads(manifest.read_bytes())
    (fields["requests"][0] if field == "path" else fields)[field] = value
    manifest.write_text(json.dumps(fields))
    with pytest.raises(LandingDamagedError, match=r"it describes|is no payload"):
        landing.capture(filed.capture_id)


def test_a_payload_that_unpacks_to_more_than_its_manifest_says_is_not_unpacked(
    landing: Landing, tmp_path: Path
):
    path = keep(landing, b"H100,2.99\n")
    (tmp_path / "landing" / path).write_bytes(zstandard.compress(b"\0" * 2**26))
    filed = landing.record(capture_of(record(Path(path).stem, path)))
    with pytest.raises(LandingDamagedError, match="unpacks to over"):
        landing.content(path, 10)
    assert [line for line in landing.damaged() if "its content has sha256" in line]
    assert filed.requests[0].path == path


def test_everything_that_is_wrong_is_named(landing: Landing, tmp_path: Path):
    paths = [keep(landing, content) for content in (b"whole", b"gone", b"unread")]
    filed = [landing.record(capture_of(record(Path(p).stem, p))) for p in paths]
    (tmp_path / "landing" / paths[1]).unlink()
    (tmp_path / "landing" / f"{filed[2].capture_id}.json").write_text("{")
    manifest, payload = landing.damaged()
    assert filed[2].capture_id in manifest
    assert paths[1] in payload and "is missing" in payload


def test_bytes_that_come_again_mend_a_damaged_file_where_it_lies(landing: Landing, tmp_path: Path):
    path = keep(landing, b"H100,2.99\n")
    (tmp_path / "landing" / path).write_bytes(b"rot")
    assert keep(landing, b"H100,2.99\n", date(2026, 7, 9)) == path
    assert landing.content(path) == b"H100,2.99\n"
    assert list(landing.damaged()) == []


@pytest.mark.parametrize("source_id", ["../up", "a/b", "", ".hidden", "A", "a b", "a\n"])
def test_a_source_id_cannot_leave_its_folder(landing: Landing, source_id: str):
    with pytest.raises(ValueError, match="source id"):
        landing.keep(source_id, DAY, io.BytesIO(b"x"))
    with pytest.raises(ValueError, match="source id"):
        list(landing.captures(source_id))


def test_a_failed_write_leaves_nothing(landing: Landing, tmp_path: Path):
    target = tmp_path / "landing" / "acme" / "x.zst"
    with (
        pytest.raises(OSError, match="disk full"),
        new_file(target, temporary_folder=landing.spool_folder) as file,
    ):
        file.write(b"half")
        raise OSError("disk full")
    assert not target.exists()
    assert list(landing.spool_folder.iterdir()) == []


def test_what_a_killed_run_left_is_swept_later(landing: Landing, tmp_path: Path):
    old, fresh = (landing.spool_folder / name for name in ("old.tmp", "fresh.tmp"))
    for file in (old, fresh):
        file.write_bytes(b"half")
    os.utime(old, (time.time() - 7200,) * 2)
    landing.prepare()
    assert not old.exists()
    assert fresh.exists()


def test_a_kill_at_any_moment_leaves_only_whole_files(tmp_path: Path):
    program = textwrap.dedent("""
        import io, os, sys
        from datetime import UTC, date, datetime
        from pathlib import Path
        from pipelines.capture.landing import Landing
        from pipelines.capture.manifest import Capture
        from warehouse.paths import Home
        landing = Landing(Home(Path(sys.argv[1])))
        landing.prepare()
        print("ready", flush=True)
        while True:
            kept = landing.keep("acme", date(2026, 7, 1), io.BytesIO(os.urandom(200_000)))
            now = datetime.now(UTC).replace(year=2026, month=7, day=1)
            landing.record(Capture(source_id="acme", capture_id="", seen_at=now,
                                   recorded_at=now, status="ok"))
            print("kept", flush=True)
    """)
    for kept in range(3):
        command = [sys.executable, "-c", program, str(tmp_path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            for _ in range(1 + kept):  # that it is ready, and one line for each file kept
                process.stdout.readline()
            time.sleep(0.01)  # it is keeping another
            process.send_signal(signal.SIGKILL)
    landing = Landing(Home(tmp_path))
    assert list(landing.damaged()) == []
    assert len(list(landing.captures("acme"))) == len(landing.capture_ids("acme"))
    assert list((tmp_path / "landing").glob("acme/*/*.zst"))

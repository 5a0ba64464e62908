"""A published file from a static host: checked against its manifest, kept, read once."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from pipelines.answers.pull import LATEST, PullError, pull, pulled
from pipelines.answers.push import PushError, push
from warehouse.database import POINTER
from warehouse.parquet_export import Part
from warehouse.paths import Home
from warehouse.publication import Manifest, damage

BYTES = b"a published file" * 1000
NAME = "truecost-run-1.duckdb"
requested: list[str] = []


class Quiet(SimpleHTTPRequestHandler):
    def log_request(self, *_: Any) -> None:
        requested.append(self.path)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def host(tmp_path: Path) -> Iterator[str]:
    """Serve ``tmp_path/host`` and return its address."""
    (tmp_path / "host").mkdir()
    (tmp_path / "host" / NAME).write_bytes(BYTES)
    promise(tmp_path)
    requested.clear()
    with serving(tmp_path / "host") as address:
        yield address


@contextmanager
def serving(folder: Path, handler: type[Quiet] = Quiet) -> Iterator[str]:
    """Serve a folder on this machine."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(folder)))
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def promise(tmp_path: Path, **changed: Any) -> None:
    """Write the manifest, with something changed."""
    facts = {"sha256": hashlib.sha256(BYTES).hexdigest(), "bytes": len(BYTES)} | changed
    (tmp_path / "host" / "manifest-run-1.json").write_text(json.dumps(facts))


@pytest.mark.parametrize("name", [NAME, "manifest-run-1.json"])
def test_a_file_is_read_once_and_kept_under_its_hash(host: str, tmp_path: Path, name: str) -> None:
    kept = pulled(f"{host}/{name}", tmp_path / "cache")
    assert kept.read_bytes() == BYTES
    assert kept.stat().st_mode & 0o777 == 0o444
    assert pulled(f"{host}/{name}", tmp_path / "cache") == kept
    assert requested.count(f"/{NAME}") == 1


def test_a_kept_file_that_was_damaged_is_read_again(host: str, tmp_path: Path) -> None:
    kept = pulled(f"{host}/{NAME}", tmp_path / "cache")
    kept.chmod(0o644)
    kept.write_bytes(b"other")
    assert pulled(f"{host}/{NAME}", tmp_path / "cache").read_bytes() == BYTES


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"sha256": "0" * 64}, "not those of its manifest"),
        ({"sha256": "../../etc/passwd"}, "manifest is not one"),
        ({"sha256": None}, "manifest is not one"),
        ({"bytes": len(BYTES) - 1}, "more than"),
        ({"bytes": 10**18}, "manifest is not one"),
        ({"bytes": "many"}, "manifest is not one"),
    ],
)
def test_what_is_not_as_promised_is_refused_and_not_kept(
    host: str, tmp_path: Path, changed: dict[str, Any], reason: str
) -> None:
    promise(tmp_path, **changed)
    with pytest.raises(PullError, match=reason):
        pulled(f"{host}/{NAME}", tmp_path / "cache")
    kept = [path.name for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    assert not [name for name in kept if name.endswith(".duckdb")]


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("truecost.duckdb", "give the address of"),
        ("", "give the address of"),
        ("truecost-..%2f..%2fx.duckdb", "give the address of"),
        ("truecost-run-2.duckdb", "status 404"),
    ],
)
def test_another_address_is_refused(host: str, tmp_path: Path, path: str, reason: str) -> None:
    with pytest.raises(PullError, match=reason):
        pulled(f"{host}/{path}", tmp_path / "cache")


def test_a_host_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(PullError) as refused:
        pulled(f"http://127.0.0.1:9/{NAME}", tmp_path / "cache")
    assert "\n" not in str(refused.value)


class Ranged(Quiet):
    """A host that can continue a file, as static hosts do."""

    def do_GET(self) -> None:
        asked = self.headers.get("Range")
        if asked is None:
            super().do_GET()
            return
        self.log_request()
        content = Path(self.translate_path(self.path)).read_bytes()
        first, _, last = asked.removeprefix("bytes=").partition("-")
        part = content[int(first) : int(last) + 1 if last else None]
        end = int(first) + len(part) - 1
        self.send_response(206)
        self.send_header("Content-Range", f"bytes {first}-{end}/{len(content)}")
        self.send_header("Content-Length", str(len(part)))
        self.end_headers()
        self.wfile.write(part)
        sent.append(len(part))


sent: list[int] = []


@pytest.mark.parametrize("is_ranged", [True, False])
def test_what_was_interrupted_is_continued(host: str, tmp_path: Path, is_ranged: bool) -> None:
    part = tmp_path / "cache" / "unfinished" / f"{hashlib.sha256(BYTES).hexdigest()}.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(BYTES[:10_000])
    sent.clear()
    with serving(tmp_path / "host", Ranged if is_ranged else Quiet) as address:
        assert pulled(f"{address}/{NAME}", tmp_path / "cache").read_bytes() == BYTES
    assert sent == ([len(BYTES) - 10_000] if is_ranged else [])


def test_a_wrong_beginning_is_thrown_away(host: str, tmp_path: Path) -> None:
    part = tmp_path / "cache" / "unfinished" / f"{hashlib.sha256(BYTES).hexdigest()}.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(b"x" * 10_000)
    with serving(tmp_path / "host", Ranged) as address:
        with pytest.raises(PullError, match="not those of its manifest"):
            pulled(f"{address}/{NAME}", tmp_path / "cache")
        assert pulled(f"{address}/{NAME}", tmp_path / "cache").read_bytes() == BYTES


@pytest.fixture
def source(tmp_path: Path) -> Home:
    """Return a data folder with one published run."""
    home = Home(tmp_path / "source")
    home.published.mkdir(parents=True)
    publish(home, "run-1", BYTES)
    return home


def publish(home: Home, run_id: str, content: bytes) -> None:
    name = f"truecost-{run_id}.duckdb"
    (home.published / name).write_bytes(content)
    manifest = Manifest(
        run_id=run_id,
        published_at="2026-08-10T06:20:00+00:00",
        duckdb_version="1.5.5",
        schema_version=1,
        database=name,
        bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        rows={},
        parts=(Part(path="marts/x.parquet", rows=1, fingerprint="", sha256=""),),
    )
    (home.published / f"manifest-{run_id}.json").write_text(manifest.text())
    (home.published / POINTER).unlink(missing_ok=True)
    (home.published / POINTER).symlink_to(name)


@pytest.mark.parametrize("is_web", [True, False])
def test_what_is_pushed_is_pulled_and_the_next_run_replaces_it(
    source: Home, tmp_path: Path, is_web: bool
) -> None:
    shared, mine = tmp_path / "shared", Home(tmp_path / "mine")
    push(source, shared)
    with serving(shared) as address:
        host = address if is_web else str(shared)
        pull(host, mine)
        assert (mine.published / POINTER).read_bytes() == BYTES
        assert damage((mine.published / POINTER).resolve()) == []
        publish(source, "run-2", b"newer")
        push(source, shared)
        pull(host, mine)
        pull(host, mine)
    assert (mine.published / POINTER).read_bytes() == b"newer"
    assert (mine.published / NAME).read_bytes() == BYTES  # who reads it keeps it
    assert sorted(path.name for path in mine.root.iterdir()) == ["published"]


def test_bytes_that_are_wrong_leave_the_pointer(source: Home, tmp_path: Path) -> None:
    shared, mine = tmp_path / "shared", Home(tmp_path / "mine")
    pull(str(push(source, shared).parent), mine)
    publish(source, "run-2", b"newer")
    push(source, shared).write_bytes(b"other")
    with pytest.raises(PullError, match="not those of its manifest"):
        pull(str(shared), mine)
    assert (mine.published / POINTER).read_bytes() == BYTES


def test_a_folder_that_builds_is_not_overwritten(source: Home, tmp_path: Path) -> None:
    mine = Home(tmp_path / "mine")
    mine.build_database.parent.mkdir(parents=True)
    mine.build_database.touch()
    with pytest.raises(PullError, match="TRUECOST_HOME"):
        pull(str(push(source, tmp_path / "shared").parent), mine)


@pytest.mark.parametrize("text", ["", "{}", '{"run_id": "../x"}', '{"run_id": 1}'])
def test_a_host_that_names_no_run_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / LATEST).write_text(text)
    with pytest.raises(PullError, match="names no run"):
        pull(str(tmp_path), Home(tmp_path / "mine"))
    with pytest.raises(PullError, match="No such file"):
        pull(str(tmp_path / "empty"), Home(tmp_path / "mine"))


def test_a_damaged_file_is_not_pushed(source: Home, tmp_path: Path) -> None:
    (source.published / NAME).write_bytes(b"other")
    with pytest.raises(PushError, match="damaged"):
        push(source, tmp_path / "shared")
    assert not (tmp_path / "shared").exists()
    with pytest.raises(PushError, match="truecost run"):
        push(Home(tmp_path / "empty"), tmp_path / "shared")

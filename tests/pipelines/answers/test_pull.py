"""A published file from a static host: checked against its manifest, kept, read once."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines.answers.pull import LATEST, PullError, pull, pulled
from pipelines.answers.push import PushError, push
from pipelines.cli import main
from warehouse.database import POINTER, open_published
from warehouse.migrations import SCHEMA_VERSION
from warehouse.parquet_export import Part
from warehouse.paths import HOME_VARIABLE, Home
from warehouse.publication import Manifest, damage

BYTES = b"a published file" * 1000  # where nobody opens it
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


@cache
def database(version: int = SCHEMA_VERSION, sql: str = "") -> bytes:
    """Return a small published file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "small.duckdb"
        with duckdb.connect(path) as connection:
            connection.execute("create schema meta; create schema marts")
            connection.execute(f"create table meta.schema_version as select {version} as version")
            connection.execute(sql)
        return path.read_bytes()


FIRST = database()
NEWER = database(sql="create table marts.newer as select 1 as one")


@pytest.fixture
def source(tmp_path: Path) -> Home:
    """Return a data folder with one published run."""
    home = Home(tmp_path / "source")
    home.published.mkdir(parents=True)
    publish(home, "run-1", FIRST)
    return home


def publish(home: Home, run_id: str, content: bytes, day: int = 10) -> None:
    name = f"truecost-{run_id}.duckdb"
    (home.published / name).write_bytes(content)
    manifest = Manifest(
        run_id=run_id,
        published_at=f"2026-08-{day}T06:20:00+00:00",
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
        assert (mine.published / POINTER).read_bytes() == FIRST
        assert damage((mine.published / POINTER).resolve()) == []
        publish(source, "run-2", NEWER)
        push(source, shared)
        pull(host, mine)
        pull(host, mine)
    assert (mine.published / POINTER).read_bytes() == NEWER
    assert (mine.published / NAME).read_bytes() == FIRST  # who reads it keeps it
    assert sorted(path.name for path in mine.root.iterdir()) == ["published"]


def test_what_was_pulled_is_verified_by_its_hash(
    source: Home,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    mine = Home(tmp_path / "mine")
    pulled_file = pull(str(push(source, tmp_path / "shared").parent), mine)
    monkeypatch.setenv(HOME_VARIABLE, str(mine.root))
    with pytest.raises(SystemExit) as ended:
        main(["verify"])
    assert not ended.value.code
    assert capsys.readouterr() == (
        "1 published runs, 0 prices read again, 0 wrong.\n",
        "truecost verify: its prices are read again where it was made\n",
    )
    pulled_file.chmod(0o644)
    pulled_file.write_bytes(NEWER)
    with pytest.raises(SystemExit) as ended:
        main(["verify"])
    assert ended.value.code == 1


def test_three_files_are_kept_and_the_one_that_was_asked_for(source: Home, tmp_path: Path) -> None:
    shared, mine = tmp_path / "shared", Home(tmp_path / "mine")
    pull(str(push(source, shared)), mine)
    with (mine.published / NAME).open("rb") as reader:
        for number in range(2, 6):
            content = database(sql=f"create table marts.run as select {number} as number")
            publish(source, f"run-{number}", content, day=9 + number)
            pull(str(push(source, shared).parent), mine)
        assert reader.read() == FIRST  # who has it open reads on
    assert kept(mine) == {"run-3", "run-4", "run-5"}
    pull(str(shared / NAME), mine)
    assert (mine.published / POINTER).read_bytes() == FIRST
    assert kept(mine) == {"run-1", "run-3", "run-4", "run-5"}


def kept(home: Home) -> set[str]:
    """Return the runs of a data folder, each a file and a manifest."""
    files = {path.stem.removeprefix("truecost-") for path in home.published.glob("truecost-*")}
    manifests = home.published.glob("manifest-*")
    assert files == {path.stem.removeprefix("manifest-") for path in manifests}
    return files


def test_bytes_that_are_wrong_leave_the_pointer(source: Home, tmp_path: Path) -> None:
    shared, mine = tmp_path / "shared", Home(tmp_path / "mine")
    pull(str(push(source, shared).parent), mine)
    publish(source, "run-2", NEWER)
    push(source, shared).write_bytes(b"other")
    with pytest.raises(PullError, match="not those of its manifest"):
        pull(str(shared), mine)
    assert (mine.published / POINTER).read_bytes() == FIRST


def test_a_run_that_was_published_again_replaces_the_one_before(
    source: Home, tmp_path: Path
) -> None:
    shared, mine = tmp_path / "shared", Home(tmp_path / "mine")
    pull(str(push(source, shared).parent), mine)
    publish(source, "run-1", NEWER)
    pull(str(push(source, shared).parent), mine)
    assert (mine.published / POINTER).read_bytes() == NEWER
    assert damage((mine.published / POINTER).resolve()) == []


def changed_manifest(**changed: Any) -> Callable[[Path], object]:
    """Return what changes the manifest of a host."""

    def change(shared: Path) -> None:
        path = shared / "manifest-run-1.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changed))

    return change


def promised(content: bytes) -> Callable[[Path], object]:
    """Return what gives a host another file, with the manifest for it."""

    def change(shared: Path) -> None:
        (shared / NAME).write_bytes(content)
        sha256 = hashlib.sha256(content).hexdigest()
        changed_manifest(sha256=sha256, bytes=len(content))(shared)

    return change


def replaced(name: str, make: Callable[[Path], object]) -> Callable[[Path], object]:
    """Return what puts something else in the place of a file of a host."""

    def change(shared: Path) -> None:
        (shared / name).unlink()
        make(shared / name)

    return change


HOSTILE: dict[str, tuple[Callable[[Path], object], str]] = {
    "another run": (changed_manifest(run_id="run-2"), "another run"),
    "another file": (changed_manifest(database="../../build.duckdb"), "another run"),
    "a part outside": (changed_manifest(parts=[
        {"path": "../../x", "rows": 1, "fingerprint": "", "sha256": ""},
    ]), "not one of truecost"),
    "a word more": (changed_manifest(more=1), "not one of truecost"),
    "no parts": (changed_manifest(parts=None), "not one of truecost"),
    "deep": (replaced("manifest-run-1.json", lambda p: p.write_text("[" * 10**6)),
             "not one of truecost"),
    "no database": (promised(BYTES), "no published file of truecost"),
    "an empty database": (promised(database(sql="drop schema meta cascade")),
                          "no published file of truecost"),
    "a version in words": (promised(database(sql="create or replace table meta.schema_version as"
                                             " select 'x' as version")),
                           "no published file of truecost"),
    "a newer schema": (promised(database(SCHEMA_VERSION + 1)), "newer truecost"),
    "a pipe as file": (replaced(NAME, os.mkfifo), "not a file"),
    "a pipe as manifest": (replaced("manifest-run-1.json", os.mkfifo), "not a file"),
    "a pipe as pointer": (replaced(LATEST, os.mkfifo), "not a file"),
    "a device": (replaced(LATEST, lambda path: path.symlink_to("/dev/zero")), "not a file"),
    "a folder": (replaced(NAME, Path.mkdir), "directory"),
    "a loop": (replaced(NAME, lambda path: path.symlink_to(path)), "symbolic links"),
    "a pointer of 17 MiB": (replaced(LATEST, lambda path: path.write_bytes(b" " * 17 * 2**20)),
                            "more than"),
}  # fmt: skip


@pytest.mark.parametrize("attack", HOSTILE)
def test_what_a_hostile_host_offers_leaves_what_was_pulled_before(
    source: Home, tmp_path: Path, attack: str
) -> None:
    shared, mine = tmp_path / "shared", Home(tmp_path / "mine")
    publish(source, "run-0", NEWER)
    pull(str(push(source, shared).parent), mine)
    before = {path: path.lstat().st_mtime_ns for path in mine.published.iterdir()}
    publish(source, "run-1", FIRST)
    push(source, shared)
    change, reason = HOSTILE[attack]
    change(shared)
    with pytest.raises(PullError, match=reason) as refused:
        pull(str(shared), mine)
    assert "\n" not in str(refused.value)
    assert {path: path.lstat().st_mtime_ns for path in mine.published.iterdir()} == before


def test_views_of_a_hostile_host_read_no_file(source: Home, tmp_path: Path) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("secret\n1\n")
    views = (
        f"create view marts.text as select content from read_text('{secret}');"
        f"create view marts.rows as from '{secret}';"
        f"create view marts.names as from glob('{tmp_path}/*');"
        f"create macro marts.later() as table from read_csv('{secret}')"
    )
    publish(source, "run-2", database(sql=views))
    mine = Home(tmp_path / "mine")
    pull(str(push(source, tmp_path / "shared").parent), mine)
    with open_published(mine) as connection:
        for question in ("marts.text", "marts.rows", "marts.names", "marts.later()"):
            with pytest.raises(duckdb.PermissionException):
                connection.execute(f"from {question}")


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

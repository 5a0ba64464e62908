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

from pipelines.answers.pull import PullError, pulled

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
def serving(folder: Path) -> Iterator[str]:
    """Serve a folder on this machine."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
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
    assert [path for path in (tmp_path / "cache").rglob("*") if path.is_file()] == []


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

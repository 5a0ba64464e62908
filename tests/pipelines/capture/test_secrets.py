"""No key is in anything that is written, printed or published, whatever the sources answer."""

from __future__ import annotations

import base64
import json
import os
import sqlite3
import subprocess
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import duckdb
import pytest

from pipelines.capture.landing import Landing
from pipelines.reading.snapshot import copy_snapshot
from pipelines.sources import all_sources
from tests.pipelines import fault_server as faults
from tests.pipelines.fault_server import FaultServer, Play
from warehouse.paths import Home

FIXTURES = Path(__file__).parents[2] / "fixtures/sources"
MARK = "c4n4ry"  # in every key, so that a part of one is found too
KEYED = {name: source for name, source in all_sources().items() if source.key_environment}
# As base64 keys are: with the characters that URLs, JSON and HTML write otherwise.
KEYS = {str(s.key_environment): f"{MARK}/{name}+{MARK}==" for name, s in KEYED.items()}
PASSWORD = f"{MARK}-of-the-mirror"
# What a key looks like inside base64, at each of the three places where it may begin.
TRACES = [MARK.encode(), *(base64.b64encode(b"x" * n + MARK.encode())[4:8] for n in range(3))]


def repeated(value: Any, words: str) -> Any:
    """Return JSON in which every text and every object repeats the words."""
    if isinstance(value, dict):
        return {key: repeated(item, words) for key, item in value.items()} | {"echo": words}
    if isinstance(value, list):
        return [repeated(item, words) for item in value]
    return f"{value} {words}" if value and isinstance(value, str) else value


def answers(name: str) -> dict[str, Any]:
    """Return the answers of a source, by the address that is asked for each."""
    listed = json.loads((FIXTURES / name / "payloads.json").read_text())
    return {
        entry["url"].split("://", 1)[1]: json.loads((FIXTURES / name / entry["file"]).read_text())
        for entry in listed
    }


def in_full(content: Any) -> Play:
    """Answer with the usual rows and the text of the request, also in the version headers."""

    def play(handler: Any) -> None:
        words = faults.request_text(handler)
        whole = {**content, "echo": words} if isinstance(content, dict) else content
        text = json.dumps(whole).replace("/", "\\/")  # as PHP writes it
        faults.body(text.encode(), ETag=words, Last_Modified=words)(handler)

    return play


def in_every_text(content: Any) -> Play:
    """Answer with rows of which every name repeats the key."""

    def play(handler: Any) -> None:
        text = json.dumps(repeated(content, faults.request_text(handler)))
        faults.body(text.encode(), f"application/json; {faults.request_text(handler)}")(handler)

    return play


def in_an_error(number: int) -> Play:
    """Answer with each kind of error in turn, in words that repeat the key."""

    def play(handler: Any) -> None:
        words = faults.request_text(handler)
        one: list[Play] = [
            faults.status(500, words.encode()),
            faults.status(403, words.encode(), WWW_Authenticate=words),
            faults.status(404, words.encode()),
            faults.status(429, words.encode(), Retry_After=words),
            faults.redirect(f"https://elsewhere.example/{handler.headers['Authorization']}"),
            faults.redirect(f"http://127.0.0.1/{handler.path}"),
            faults.body(f"<html>{words}".encode(), "text/html"),
            faults.body(json.dumps({"error": words}).encode()),
            faults.body(json.dumps([words]).encode()[:-2]),
            faults.truncated(words.encode() * 2),
        ]
        one[number % len(one)](handler)

    return play


COMMANDS = """
import json, sys
from pipelines.cli import main
for arguments in json.loads(sys.argv[1]):
    try:
        main(arguments)
    except SystemExit as end:
        assert not end.code, (arguments, end.code)
"""


def truecost(home: Home, certificate: Path, *commands: list[str]) -> bytes:
    """Run commands one after the other with every key set; return everything that they printed."""
    scratch = home.root / "scratch"
    scratch.mkdir(parents=True)
    environment = {
        **os.environ,
        **KEYS,
        "HOTAISLE_TEAM_HANDLE": "example",  # a name, no secret
        "TRUECOST_HOME": str(home.root),
        "TMPDIR": str(scratch),
        "REQUESTS_CA_BUNDLE": str(certificate),
    }
    done = subprocess.run(
        [sys.executable, "-c", COMMANDS, json.dumps(commands)],
        env=environment,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


@pytest.fixture(
    scope="module",
    params=[False, pytest.param(True, marks=pytest.mark.slow)],
    ids=["captured", "published"],
)
def left(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Home, Path, bytes, str]:
    """Capture from servers that repeat the keys in every answer; optionally also build and publish.

    Gives the home, the folder of packages, what was printed, and what the servers received.
    """
    folder = tmp_path_factory.mktemp("secrets")
    home, packed = Home(folder / "home"), folder / "packed"
    right = {address: content for name in KEYED for address, content in answers(name).items()}
    plays: dict[str, list[Play]] = {
        f"wrong/{host}": [in_an_error(number)]
        for number, source in enumerate(KEYED.values())
        for host in source.allowed_hosts
    }
    for address, content in right.items():
        plays[f"texts/{address}"] = [in_every_text(content)]
        plays[f"whole/{address}"] = [in_full(content)]
    context, certificate = faults.self_signed(folder)
    asked = [word for name in KEYED for word in ("--source", name)]
    with FaultServer(plays, context) as server:
        mirrors = [f"{server.url}/{name}" for name in ("texts", "wrong", "whole")]
        # A password takes the place of a key that is sent in the same header.
        mirrors.insert(0, mirrors[0].replace("://", f"://user:{PASSWORD}@"))
        if not request.param:  # the quick run: names that repeat the key, and errors that do
            mirrors = [mirrors[0], mirrors[2]]
        runs = [
            ["run", *asked, "--mirror", mirror, "--now", f"2026-11-21T{hour:02}:00"]
            for hour, mirror in enumerate(mirrors)
        ]
        published = [
            [*runs[-1], "--offline"],
            ["package", "--out", str(packed)],
            *(["quarantine"], ["status"], ["digest"]),
        ]
        printed = truecost(
            home,
            certificate,
            *([*run, "--no-build"] for run in runs),
            ["sources"],
            *(published if request.param else ()),
        )
        requested = unquote(" ".join(server.requested))
    copy_snapshot(home, packed / "snapshot")
    return home, packed, printed, requested


def values(connection: duckdb.DuckDBPyConnection) -> Iterator[tuple[str, bytes]]:
    """Yield every row of every table of an open file, as text."""
    for (table,) in connection.execute(
        "select schema_name || '.' || table_name from duckdb_tables()"
    ).fetchall():
        for (row,) in connection.execute(f"select t::varchar from {table} as t").fetchall():
            yield table, row.encode()


def contents(home: Home, packed: Path) -> Iterator[tuple[str, bytes]]:
    """Yield everything that was written, unpacked, with the name of where it lies."""
    for path in (*home.root.rglob("*"), *packed.rglob("*")):
        if not path.is_file():
            continue
        yield str(path), path.read_bytes()
        if path.suffix == ".zst":
            yield str(path), Landing(home).content(str(path.relative_to(home.landing)))
        elif path.suffix == ".parquet":
            for (row,) in duckdb.execute(
                "select t::varchar from read_parquet(?) as t", [str(path)]
            ).fetchall():
                yield str(path), row.encode()
        elif path.suffix == ".duckdb" and not path.is_symlink():
            with duckdb.connect(path, read_only=True) as connection:
                for table, row in values(connection):
                    yield f"{path} {table}", row
        elif path.suffix == ".db":
            with sqlite3.connect(path) as state:
                for (table,) in state.execute(
                    "select name from sqlite_master where type = 'table'"
                ).fetchall():
                    for row in state.execute(f"select * from {table}"):
                        yield f"{path} {table}", b" ".join(map(as_bytes, row))
            state.close()


def as_bytes(value: object) -> bytes:
    """Return a value of SQLite as bytes; Dagster packs its snapshots."""
    if not isinstance(value, bytes):
        return str(value).encode()
    try:
        return zlib.decompress(value)
    except zlib.error:
        return value


def test_no_key_is_in_anything_that_is_left(left: tuple[Home, Path, bytes, str]) -> None:
    home, packed, printed, requested = left
    assert [name for name, key in KEYS.items() if key not in requested] == []
    found = {place for place, content in contents(home, packed) for t in TRACES if t in content}
    assert found == set()
    assert [trace for trace in TRACES if trace in printed] == []

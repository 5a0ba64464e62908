"""``backfill``, ``verify`` and ``truecost source`` read strangers' bytes in the child too."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from pipelines import cli
from pipelines.answers import verify
from pipelines.capture import backfill as past
from pipelines.capture import parsers
from pipelines.capture.landing import Landing
from pipelines.child.limits import LimitError, Limits
from pipelines.sources import all_sources
from pipelines.sources.base import ParseError
from tests.pipelines.captures import filed
from tests.pipelines.fault_server import FaultServer, Play, body, status
from warehouse.paths import Home
from warehouse.reports import ReportRows

NOW = datetime(2026, 11, 21, 6, tzinfo=UTC)
TIGHT = Limits(memory_bytes=32 * 2**20)
# The interpreter itself sometimes crashes where it gets no more memory.
OUT_OF_MEMORY = "needs over 32 MiB of memory|ended the process that ran it: SIGSEGV"
BOMB = b"[" + b"[],{}," * 300_000 + b"[]]"
TRACKER = "raw.githubusercontent.com/cherielilili/gpu-pricing-tracker/main/data/observations.csv"
COMMITS = "api.github.com/repos/cloud-gpus/cloud-gpus.github.io/commits"
RUNS = "api.github.com"
LINE = b"2026-05-07,aws,A100,8,x,on_demand,2,https://a.example,2026-05-07T21:00:10Z\n"
HEADER = (
    b"date,provider,gpu_model,gpu_count,region,rental_type,price_median_usd,source_url,fetched_at\n"
)
COMMIT = {"sha": "0" * 40, "commit": {"committer": {"date": "2026-05-01T00:00:00Z"}}}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def file_past(home: Home, source_id: str, mirror: str) -> past.Backfilled:
    return past.backfill(
        all_sources()[source_id],
        home=home,
        recorded_at=NOW,
        since=date(2026, 5, 1),
        mirror=mirror,
        environment={},
    )


@pytest.mark.parametrize(
    ("source_id", "listed", "says"),
    [
        ("cloud_gpus", "[" * 200_000, "is not JSON"),
        ("cloud_gpus", "[{}]", "lists no versions"),
        ("cloud_gpus", "[7]", "lists no versions"),
        ("cloud_gpus", json.dumps([COMMIT | {"commit": []}]), "lists no versions"),
        ("cloud_gpus", json.dumps([COMMIT | {"sha": "../../../evil/main"}]), "lists no versions"),
        ("cloud_gpus", json.dumps([COMMIT | {"sha": 1e308}]), "lists no versions"),
        (
            "cloud_gpus",
            json.dumps([COMMIT | {"commit": {"committer": {"date": "0001-01-01T00:00:00+14:00"}}}]),
            "lists no versions",
        ),
        ("gpuhunt", '{"workflow_runs": [{"created_at": "9" }]}', "lists no versions"),
        ("gpuhunt", '{"workflow_runs": [null]}', "lists no versions"),
        ("gpuhunt", '{"workflow_runs": {}}', "holds no list"),
    ],
)
def test_a_hostile_list_of_versions_is_one_error(
    home: Home, source_id: str, listed: str, says: str
) -> None:
    plays = {"__index": [status(404)], RUNS: [body(listed.encode())]}
    with FaultServer(plays) as server, pytest.raises(ParseError, match=says):
        file_past(home, source_id, server.url)


def test_a_hostile_index_of_a_mirror_is_one_error(home: Home) -> None:
    plays = {"__index": [body(b'[{"url": ["a"], "as_of": "2026-05-01"}]')]}
    with FaultServer(plays) as server, pytest.raises(ParseError, match="lists no versions"):
        file_past(home, "cloud_gpus", server.url)


@pytest.mark.parametrize(
    ("source_id", "plays"),
    [
        ("cloud_gpus", {"__index": [status(404)], COMMITS: [body(BOMB)]}),
        ("gpu_pricing_tracker", {TRACKER: [body(HEADER + LINE * 200_000, "text/csv")]}),
    ],
)
@pytest.mark.usefixtures("fresh_child")
def test_a_bomb_in_the_past_passes_a_limit_of_the_child(
    home: Home, monkeypatch: pytest.MonkeyPatch, source_id: str, plays: dict[str, list[Play]]
) -> None:
    monkeypatch.setattr(parsers, "LIMITS", TIGHT)
    with FaultServer(plays) as server, pytest.raises(LimitError, match=OUT_OF_MEMORY):
        file_past(home, source_id, server.url)


def test_a_history_that_was_cut_off_is_one_error(home: Home) -> None:
    plays = {TRACKER: [body(HEADER + LINE + LINE[:25], "text/csv")]}
    with FaultServer(plays) as server, pytest.raises(ParseError, match="cannot be dated"):
        file_past(home, "gpu_pricing_tracker", server.url)


def test_a_version_that_cannot_be_read_fails_alone_and_is_named(home: Home) -> None:
    archives = "dstack-gpu-pricing.s3.eu-west-1.amazonaws.com/v1"
    plays = {"__index": [status(404)], archives: [body(b"PK\x03\x04 no archive")]}
    gpuhunt = all_sources()["gpuhunt"]
    with FaultServer(plays) as server:
        result = past.backfill(
            gpuhunt,
            home=home,
            recorded_at=NOW,
            since=date(2024, 6, 11),
            until=date(2024, 6, 12),
            mirror=server.url,
            environment={},
        )
    assert (result.filed, result.failed) == (0, 2)
    assert "no zip archive" in str(result.error)


@pytest.mark.usefixtures("fresh_child")
def test_verify_reads_payloads_in_the_child(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    capture = filed(home, BOMB)
    akash = all_sources()["akash"]
    sha256 = capture.requests[0].sha256
    sampled = ("akash", capture.capture_id, sha256, akash.parser_version, Decimal(1))
    report = ReportRows(columns=(), rows=[(*sampled, "akash", "h100", None, "on_demand", None)])
    monkeypatch.setattr(verify, "run_report", lambda *_, **__: report)
    monkeypatch.setattr(parsers, "LIMITS", TIGHT)
    with duckdb.connect() as connection:
        checked, bundled, wrong = verify.wrong_prices(connection, Landing(home), 1)
    assert (checked, bundled) == (0, 0)
    [line] = wrong
    assert re.fullmatch(f"akash: ({OUT_OF_MEMORY})", line)


@pytest.mark.usefixtures("fresh_child")
def test_a_bomb_for_the_command_source_is_one_line(
    home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    entry = {"key": "gpu_prices", "url": "https://x.example/", "file": "bomb", "content_type": ""}
    (tmp_path / "payloads.json").write_text(json.dumps([entry]))
    (tmp_path / "bomb").write_bytes(b"[" + b"[],{}," * 2_000_000 + b"[]]")
    monkeypatch.setattr(parsers, "LIMITS", TIGHT)
    with pytest.raises(SystemExit) as end:
        cli.main(["source", "akash", "--fixture", str(tmp_path), "--json"])
    out, err = capsys.readouterr()
    assert (end.value.code, out.strip(), err.count("\n")) == (1, "[]", 1)
    assert re.search(f"the parser: ({OUT_OF_MEMORY})", err)

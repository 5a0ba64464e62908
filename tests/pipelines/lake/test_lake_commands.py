"""Two machines capture, one of them builds, both read: as one machine would have it."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner

from pipelines.capture.landing import Landing
from pipelines.capture.manifest import Capture, RequestRecord
from pipelines.cli import truecost
from pipelines.derive.check import check
from pipelines.derive.load import load
from pipelines.derive.make import make, phases
from pipelines.derive.release import publish_build
from pipelines.lake import captures
from pipelines.lake import connection as lake
from pipelines.reading.reader import parse_captures
from warehouse.database import POINTER
from warehouse.models import SQL_FOLDER, read_models
from warehouse.paths import Home

DAY = datetime(2026, 7, 1, 6, tzinfo=UTC)
ANSWERS = {
    "runpod": {
        "data": {
            "gpuTypes": [
                {"id": "NVIDIA H100 80GB HBM3", "displayName": "H100 SXM", "memoryInGb": 80,
                 "secureCloud": True, "communityCloud": True,
                 "securePrice": 2.99, "communityPrice": 2.69}
            ]
        }
    },
    "runpod later": {
        "data": {
            "gpuTypes": [
                {"id": "NVIDIA H100 80GB HBM3", "displayName": "H100 SXM", "memoryInGb": 80,
                 "secureCloud": True, "communityCloud": False,
                 "securePrice": 2.79, "communityPrice": 0}
            ]
        }
    },
}  # fmt: skip
TABLES = ("core.offer_price", "core.offer_capture", "marts.gpu_price_daily",
          "marts.provider_price_now", "marts.offers_latest")  # fmt: skip


@pytest.fixture(autouse=True)
def small_build(extensions: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Build without the cost engine and the snapshot."""

    def history_macros(connection: duckdb.DuckDBPyConnection) -> None:
        connection.execute((SQL_FOLDER / "macros" / "history.sql").read_text())

    monkeypatch.setattr("pipelines.derive.make.DERIVATIONS", {})
    monkeypatch.setattr("pipelines.derive.make.run_macros", history_macros)
    monkeypatch.setattr("pipelines.derive.load.SNAPSHOT", tmp_path / "no_snapshot")


def land(home: Home, answer: str, at: datetime) -> None:
    landing = Landing(home)
    kept = landing.keep("runpod", at.date(), io.BytesIO(json.dumps(ANSWERS[answer]).encode()))
    record = RequestRecord(
        key="gpu_types", scope="gpu_types", url="https://api.example.test/prices", method="POST",
        question="gpu_types", outcome="ok", status=200, sha256=kept.sha256, path=kept.path,
        bytes=kept.bytes, content_type="application/json", started_at=at, finished_at=at,
        attempts=1, error_class=None, error=None,
    )  # fmt: skip
    filed = landing.record(
        Capture(source_id="runpod", capture_id="", seen_at=at, recorded_at=at, status="ok",
                requests=(record,))
    )  # fmt: skip
    parse_captures(home, [filed])


def run(home: Home, run_id: str) -> None:
    at = DAY.replace(day=2, hour=7)
    load(home, now=at, run_id=run_id)
    order = phases(read_models())
    list(make(home, order))
    check(home, order.all)
    publish_build(home, run_id=run_id, now=at)


def test_what_two_machines_captured_is_built_as_if_one_had(tmp_path, monkeypatch):
    alone, ada, bob = (Home(tmp_path / name) for name in ("alone", "ada", "bob"))
    for home in (alone, ada):
        land(home, "runpod", DAY)
    for home in (alone, bob):
        land(home, "runpod later", DAY.replace(day=2))
    run(alone, "one")

    catalog = f"ducklake:{tmp_path / 'catalog.ducklake'}"
    address = lake.Address(catalog=catalog, data_path=str(tmp_path / "lake"))
    monkeypatch.setenv(lake.CATALOG_VARIABLE, catalog)
    assert captures.share(bob, address) > 0
    assert captures.share(ada, address) > 0
    assert captures.fetch(ada, address) > 0
    run(ada, "one")

    def command(home: Home, *arguments: str) -> str:
        result = CliRunner().invoke(
            truecost, ["lake", *arguments], env={"TRUECOST_HOME": str(home.root)}
        )
        assert result.exit_code == 0, result.output
        return result.output

    assert command(ada, "push").startswith("run one is snapshot")
    asked = "select count(*) as offers, max(usd_per_gpu_hour) as usd from core.offer_price"
    [answer] = json.loads(command(bob, "sql", asked, "--format", "json"))
    assert answer == {"offers": 5, "usd": 2.99}
    assert "one of" in command(bob, "status")
    with lake.opened(address, is_read_only=True) as reader:
        reader.execute(f"attach '{(alone.published / POINTER).resolve()}' as file (read_only)")
        for table in TABLES:
            for one, two in (("lake", "file"), ("file", "lake")):
                lost = reader.sql(f"from {one}.{table} except all from {two}.{table}").fetchall()
                assert lost == [], table

    back = Home(tmp_path / "back")
    assert "captured files" in command(back, "pull")
    files = {path.relative_to(bob.root) for path in bob.landing.rglob("*.zst")}
    assert files and all((back.root / path).exists() for path in files)


def test_a_question_without_a_lake_is_refused_in_one_line(monkeypatch):
    monkeypatch.delenv(lake.CATALOG_VARIABLE, raising=False)
    result = CliRunner().invoke(truecost, ["lake", "status"])
    assert result.exit_code == 2
    assert "which lake? give --catalog" in result.output

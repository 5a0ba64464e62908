"""``backfill``, ``verify``, ``restore``: refusals in one line, and a changed price is found."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipelines import cli
from pipelines.answers.verify import wrong_prices
from pipelines.capture.backfill import backfill
from pipelines.capture.landing import Landing
from pipelines.derive.load import load
from pipelines.reading.ledger import pending_captures
from pipelines.reading.reader import parse_captures
from pipelines.sources import all_sources
from tests.pipelines.fault_server import FaultServer, body
from warehouse.database import open_build
from warehouse.paths import Home

FIXTURE = Path(__file__).parents[2] / "fixtures/sources/gpu_pricing_tracker/observations.csv"
TRACKER = "raw.githubusercontent.com/cherielilili/gpu-pricing-tracker/main/data/observations.csv"
NOW = datetime(2026, 11, 21, 6, tzinfo=UTC)


@pytest.fixture
def home(tmp_path, monkeypatch) -> Home:
    monkeypatch.setenv("TRUECOST_HOME", str(tmp_path))
    return Home(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["backfill"], "name a source whose past is available, such as aws_p5_history"),
        (["backfill", "nobody"], "unknown source 'nobody'"),
        (["backfill", "cloud_gpus", "--since", "yesterday"], "give YYYY-MM-DD"),
        (["backfill", "cloud_gpus", "--mirror", "ftp://x"], "is not an address"),
        (["restore"], "no whole published run"),
        (["restore", "run-9"], "there are: none"),
        (["verify"], "nothing is published"),
    ],
)
def test_bad_input_is_one_line_and_status_2_and_changes_nothing(home, capsys, arguments, says):
    with pytest.raises(SystemExit) as end:
        cli.main(arguments)
    lines = capsys.readouterr().err.strip().splitlines()
    assert (end.value.code, len(lines)) == (2, 1)
    assert says in lines[0]
    assert not home.build_database.exists()


def test_a_published_price_is_what_its_payload_says_and_a_changed_one_is_found(home):
    plays = {TRACKER: [body(FIXTURE.read_bytes(), "text/csv")]}
    source = all_sources()["gpu_pricing_tracker"]
    with FaultServer(plays) as server:
        backfill(source, home=home, recorded_at=NOW, mirror=server.url, environment={})
    parse_captures(home, pending_captures(home, [source.source_id]))
    load(home, now=NOW, run_id="run-1")
    landing = Landing(home)
    with open_build(home) as connection:
        checked, bundled, wrong = wrong_prices(connection, landing, 50)
        [(standing,)] = connection.execute(
            "select count(*) from core.offer_price where superseded_at is null"
        ).fetchall()
        assert (checked, bundled, wrong) == (standing, 0, [])
        connection.execute("update core.offer_open set price_amount = 1 where provider_id = 'vast'")
        checked, bundled, wrong = wrong_prices(connection, landing, 50)
    assert checked == standing > 3 and bundled == 0 and len(wrong) == 1
    assert "1.000000000000000000 published, 1.4 in landing" in wrong[0]

"""The main job on recorded payloads as people run it: once, twice, and with a source broken."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from warehouse.database import open_published
from warehouse.paths import Home
from warehouse.rows import dicts

pytestmark = pytest.mark.recorded
COMMAND = [sys.executable, "-c", "from pipelines.cli import main; main()"]
FIRST_DAY_SOURCES = {
    "gpu_rental_prices", "skypilot_catalog", "anycloud_catalog", "gcp_pricing_yml", "runpod",
    "vast", "azure", "oci", "aws", "nebius", "epoch_hardware", "epoch_models",
    "epoch_training_cost", "genai_prices", "litellm", "openrouter", "fred",
}  # fmt: skip


def truecost(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a home of its own."""
    environment = {**os.environ, "TRUECOST_HOME": str(home), "TRUECOST_MIRROR": ""}
    return subprocess.run(
        [*COMMAND, *arguments], env=environment, capture_output=True, text=True, check=False
    )


def answer(home: Path, query: str) -> list[dict[str, object]]:
    """Ask the published file."""
    with open_published(Home(home)) as connection:
        return dicts(connection.execute(query))


TABLES = (
    "select count(*) as n, bit_xor(hash(o)) as h from (select * exclude (asked_at, seen_at,"
    " age_hours, source_time) from marts.offers_latest) as o",
    "select count(*) as n, bit_xor(hash(o)) as h from core.offer_price as o",
    "select count(*) as n, bit_xor(hash(o)) as h from marts.gpu_price_daily as o",
    "select count(*) as n, bit_xor(hash(o)) as h from (from marts.cost_per_flop"
    " select * exclude (oldest_seen_at)) as o",
    "select count(*) as n, bit_xor(hash(o)) as h from marts.training_cost as o",
)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, replay_server: str) -> Path:
    """Return a home after one whole run over the recorded payloads."""
    folder = tmp_path_factory.mktemp("home")
    done = truecost(folder, "run", "--mirror", replay_server, "--now", "2026-11-21T06:00:00Z")
    assert done.returncode == 0, done.stderr
    assert "Cheapest offers on demand" in done.stdout
    return folder


def test_every_source_of_the_first_day_brings_rows(home: Path) -> None:
    rows = answer(
        home, "select source_id from meta.source_status where offers_kept > 0 order by source_id"
    )
    assert {str(row["source_id"]) for row in rows} >= FIRST_DAY_SOURCES


def test_the_three_cost_tables_have_intervals(home: Path) -> None:
    for table, value in (
        ("marts.cost_per_flop", "usd_per_exaflop_effective"),
        ("marts.inference_cost", "usd_per_1k_tokens"),
        ("marts.training_cost", "usd_nominal"),
    ):
        rows = answer(
            home,
            f"select count({value}) as n, count(*) filter ({value} < low or {value} > high) as out"
            f" from {table}",
        )
        assert int(str(rows[0]["n"])) > 300, table
        assert rows[0]["out"] == 0, table


def test_the_same_run_again_adds_nothing_be_it_killed_in_between_or_a_source_broken(
    home: Path, replay_server: str
) -> None:
    before = [answer(home, query) for query in TABLES]
    with subprocess.Popen(
        [*COMMAND, "run", "--mirror", replay_server, "--now", "2026-11-21T06:30:00Z"],
        env={**os.environ, "TRUECOST_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as killed:
        assert killed.stdout is not None
        assert any("cost engine" in line for line in killed.stdout)  # in the middle of the build
        killed.kill()
    assert [answer(home, query) for query in TABLES] == before
    again = truecost(home, "run", "-q", "--mirror", replay_server, "--now", "2026-11-21T07:00:00Z")
    assert again.returncode == 0, again.stderr
    assert [answer(home, query) for query in TABLES] == before

    broken = truecost(
        home, "run", "-q", "--source", "runpod", "--mirror", f"{replay_server}/__fault/500",
        "--now", "2026-11-21T08:00:00Z",
    )  # fmt: skip
    assert broken.returncode == 1, broken.stderr  # no source that was asked has answered
    assert answer(home, TABLES[0]) == before[0]
    state = answer(
        home,
        "select status, error_class from meta.source_status where source_id = 'runpod'"
        " order by asked_at desc limit 1",
    )
    assert state == [{"status": "failed", "error_class": "http_error"}]

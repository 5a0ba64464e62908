"""The main job on recorded payloads as people run it: once, twice, and with a source broken."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

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
    """Ask the published file through the command."""
    asked = truecost(home, "sql", query, "--json")
    assert asked.returncode == 0, asked.stderr
    rows: list[dict[str, object]] = json.loads(asked.stdout)
    return rows


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
    strict = truecost(
        home, "run", "-q", "--strict", "--source", "runpod",
        "--mirror", f"{replay_server}/__fault/404", "--now", "2026-11-21T09:00:00Z",
    )  # fmt: skip
    assert strict.returncode == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("run", "--source", "nope"), "unknown source 'nope'; there are:"),
        (("run", "--now", "yesterday"), "--now 'yesterday' is not a date"),
        (("run", "--now", "2020-01-01"), "is before the last run"),
        (("run", "--mirror", "somewhere"), "is not an address"),
        (("offers", "H1000"), "unknown GPU 'H1000'"),
        (("offers", "H100-SXM-80GB", "--provider", "nobody"), "unknown provider 'nobody'"),
        (("flop", "--precision", "fp5"), "unknown precision 'fp5'"),
        (("flop", "--as-of", "2020-01-01"), "nothing is known as of 2020-01-01"),
        (("sql", "from marts.nothing"), "there are: core."),
        (("sql", "drop table core.gpu"), "read-only"),
        (("sql", "from read_csv('/etc/passwd')"), "refused"),
        (("quarantine", "accept", "zzz", "--reason", "x"), "nothing is held under 'zzz'"),
        (("fly",), "no command 'fly'; there are: run"),
    ],
)
def test_bad_input_is_one_line_that_says_what_works(
    home: Path, arguments: tuple[str, ...], said: str
) -> None:
    refused = truecost(home, *arguments)
    assert refused.returncode == 2
    assert refused.stdout == ""
    assert len(refused.stderr.splitlines()) == 1
    assert said in refused.stderr

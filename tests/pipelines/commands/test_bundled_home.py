"""``make run`` without a network, a year later: the bundled prices, told as what they are."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipelines.answers.verify import wrong_prices
from pipelines.capture.landing import Landing
from pipelines.cli import truecost
from tests.conftest import BuildOnce
from tests.pipelines.commands.conftest import DAYS, copy_days, without_parquet
from warehouse import publication
from warehouse.database import open_published
from warehouse.paths import Home

pytestmark = pytest.mark.slow
HEADINGS = ("Cheapest offers", "Renting operations", "Serving", "Training")
LINE = "bundled prices of 2026-08-10, "


def run_offline(folder: Path) -> None:
    """Run the main job on some days of the snapshot, with a clock a year later."""
    copy_days(folder / "snapshot", {"skypilot_catalog": set()} | DAYS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipelines.derive.load.SNAPSHOT", folder / "snapshot")
        patch.setattr(publication, "export", without_parquet)
        patch.setenv("TRUECOST_HOME", str(folder / "home"))
        done = CliRunner().invoke(truecost, ["run", "--offline", "--now", "2027-08-10T06:00:00Z"])
    assert done.exit_code == 0, done.output
    (folder / "printed").write_text(done.stdout)


@pytest.fixture(scope="module")
def folder(build_once: BuildOnce) -> Path:
    return build_once("bundled", run_offline)


def test_the_headline_names_the_day_first_and_is_full(folder: Path) -> None:
    printed = (folder / "printed").read_text()
    assert printed.startswith(LINE)
    for heading in HEADINGS:
        table = printed.split(f"\n{heading}")[1].split("\n\n")[0]
        assert len(table.splitlines()) > 5, heading


def test_nothing_is_stale_and_no_day_follows_the_last_capture(folder: Path) -> None:
    with open_published(Home(folder / "home")) as connection:
        counts = connection.execute(
            "select count(*), count(*) filter (is_stale), max(age_hours) < 336"
            " from marts.offers_latest"
        ).fetchall()[0]
        assert counts[0] > 1000 and counts[1:] == (0, True)
        for table in ("gpu_price_now", "provider_price_now", "compute_price_factor"):
            assert connection.execute(f"select count(*) > 5 from marts.{table}").fetchall()[0][0]
        for table in ("gpu_price_daily", "gpu_price_index"):
            days = connection.execute(f"select max(day) from marts.{table}").fetchall()
            assert days == [(date(2026, 8, 10),)], table


@pytest.mark.parametrize(
    "arguments",
    [
        ("offers", "H100-SXM-80GB"),
        ("index", "H100-SXM-80GB"),
        ("flop",),
        ("infer", "llama-3.3-70b"),
        ("fit", "llama-3.1-70b"),
        ("train", "--parameters", "7B"),
        ("quote", "--gpu", "H100-SXM-80GB", "-n", "8", "--months", "3"),
        ("own-vs-rent",),
        ("reserve", "--job-months", "6", "--gpu", "H100-SXM-80GB"),
        ("budget", "llama-3.1-8b", "--requests-per-day", "10000"),
        ("digest",),
        ("status",),
    ],
    ids=lambda arguments: arguments[0],
)
def test_every_answer_says_it_first(folder: Path, arguments: tuple[str, ...]) -> None:
    home = {"TRUECOST_HOME": str(folder / "home"), "TRUECOST_WEBHOOK": ""}
    asked = CliRunner().invoke(truecost, arguments, env=home)
    assert asked.exit_code == 0, asked.output
    assert asked.stdout.startswith(LINE)
    machine = json.loads(CliRunner().invoke(truecost, [*arguments, "--json"], env=home).stdout)
    moment = (machine if isinstance(machine, dict) else machine[0])["moment"]
    assert (moment["is_bundled"], moment["prices_at"]) == (True, "2026-08-10T06:00:00Z")
    assert moment["days_ago"] == int(asked.stdout.removeprefix(LINE).split()[0])


def test_no_rule_of_an_alert_fires_on_old_prices(folder: Path, tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text("rules:\n- {gpu: H100-SXM-80GB, below_usd: 100}\n")
    home = {"TRUECOST_HOME": str(folder / "home")}
    told = CliRunner().invoke(truecost, ["alert", str(rules)], env=home)
    assert told.exit_code == 0, told.output
    assert told.stdout.startswith(LINE)
    [rule] = json.loads(
        CliRunner().invoke(truecost, ["alert", str(rules), "--json"], env=home).stdout
    )["rules"]
    assert (rule["state"], "not of now" in rule["reason"]) == ("withheld", True)


def test_prices_whose_bytes_are_elsewhere_are_not_called_wrong(folder: Path) -> None:
    home = Home(folder / "home")
    with open_published(home) as connection:
        checked, bundled, wrong = wrong_prices(connection, Landing(home), 50)
    assert (checked, wrong) == (0, [])
    assert bundled > 0

"""Ten daily runs: what they leave grows by the day's answers alone, and is packed without a loss.

``benchmarks/year.py`` lives through a year of all sources.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks.year import moved, sizes
from pipelines.capture.landing import Landing
from pipelines.cli import truecost
from pipelines.jobs.instance import prepare_instance
from pipelines.jobs.tidying import tidy
from tests.pipelines import fault_server as faults
from tests.pipelines.derive.test_week import FIRST, SOURCES, answers, small_build
from tests.pipelines.fault_server import FaultServer
from warehouse.database import open_published, published_files
from warehouse.paths import Home
from warehouse.publication import KEPT_RUNS

__all__ = ["small_build"]
DAYS = 10


def live(home: Home, day: int) -> None:
    """Run one day, on which some prices have moved."""
    plays = {
        address: [faults.body(moved(content, address.encode(), day))]
        for address, content in answers().items()
    }
    asked = [word for name in SOURCES for word in ("--source", name)]
    now = f"{(FIRST + timedelta(days=day)).isoformat()}Z"
    with FaultServer(plays) as server:
        done = CliRunner().invoke(
            truecost,
            ["run", "--quiet", *asked, "--mirror", server.url, "--now", now],
            env={"TRUECOST_HOME": str(home.root)},
        )
    assert done.exit_code == 0, done.output


def beliefs(home: Home) -> list[tuple[object, ...]]:
    """Return the history of prices."""
    with open_published(home) as connection:
        return connection.execute("from core.offer_price order by all").fetchall()


@pytest.mark.slow
@pytest.mark.usefixtures("small_build")
def test_ten_days_leave_what_ten_days_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    home = Home(tmp_path)
    monkeypatch.setenv("TRUECOST_HOME", str(tmp_path))
    monkeypatch.setenv("TRUECOST_DAGSTER_STATE", str(tmp_path / "dagster"))
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    size = []
    for day in range(1, DAYS + 1):
        live(home, day)
        size.append(sizes(tmp_path))
    for folder in ("landing", "observations"):  # a day's manifest, ledger, payload and rows
        files = [one[f"{folder} files"] for one in size]
        assert files[-1] - files[0] <= (DAYS - 1) * 3 * len(answers())
    assert size[-1]["build.duckdb bytes"] <= 1.3 * size[1]["build.duckdb bytes"]
    assert len(published_files(home)) == min(DAYS, KEPT_RUNS)

    captured = {}
    for path in Landing(home).files():
        with Landing(home).open(path) as file:
            captured[path] = file.read()
    before = beliefs(home)
    prepare_instance(home)
    done = tidy(home, datetime(2026, 9, 1, tzinfo=UTC))
    assert (len(done.packs), done.refused) == (2 * len(SOURCES), [])  # landing, observations
    assert sizes(tmp_path)["landing files"] == len(SOURCES)
    for path, content in captured.items():
        with Landing(home).open(path) as file:
            assert file.read() == content
    rebuilt = CliRunner().invoke(
        truecost, ["rebuild", "--parse"], env={"TRUECOST_HOME": str(home.root)}
    )
    assert rebuilt.exit_code == 0, rebuilt.output
    assert beliefs(home) == before

"""A week in which one source fails: the others go on, and its prices are marked as old."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pipelines.cli import truecost
from pipelines.commands import headline
from pipelines.defs import site
from pipelines.site.build import SiteReport
from tests.pipelines import fault_server as faults
from tests.pipelines.fault_server import FaultServer, Play
from warehouse.database import open_published
from warehouse.paths import Home

FIXTURES = Path(__file__).parents[2] / "fixtures/sources"
FIRST = datetime(2026, 7, 1, 6)  # noqa: DTZ001  the warehouse keeps UTC without a zone
SOURCES = ("linode", "runpod", "vultr")
# What the source that is down answers, day after day, and what that is called.
WRONG: list[tuple[Play, str]] = [
    (faults.status(404), "source_gone"),
    (faults.status(403), "http_error"),
    (faults.body(b"<html>Are you human?</html>", "text/html"), "unexpected_content"),
    (faults.body(b""), "empty"),
    (faults.redirect("http://169.254.169.254/"), "bad_redirect"),
    (faults.body(b'{"data": [{"id": '), "parse_error"),
    (faults.status(404), "source_gone"),
]


def answers() -> dict[str, bytes]:
    """Return what the sources answer, by address."""
    return {
        entry["url"].removeprefix("https://"): (FIXTURES / name / entry["file"]).read_bytes()
        for name in SOURCES
        for entry in json.loads((FIXTURES / name / "payloads.json").read_text())
    }


@pytest.fixture
def small_build(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the cost engine, and what reads it: none of it asks who answered."""
    monkeypatch.setattr("pipelines.derive.make.DERIVATIONS", {})
    monkeypatch.setattr("pipelines.derive.make.run_macros", lambda connection: None)
    monkeypatch.setattr(headline, "print_headline", lambda gpus: None)
    monkeypatch.setattr(
        site, "build_site", lambda home, now: SiteReport(home.site, 0, 0, 0, "", 0, 0)
    )


def live(home: Home, day: int, down: Play | None) -> Result:
    """Run on one day; RunPod's price moves by a cent, and Linode answers as ``down`` says."""
    plays = {address: [faults.body(content)] for address, content in answers().items()}
    for address, content in answers().items():
        if "runpod" in address:
            cents = f"{2.69 + day / 100:.2f}".encode()
            plays[address] = [faults.body(content.replace(b"2.69", cents))]
        if "linode" in address and down is not None:
            plays[address] = [down]
    now = f"{(FIRST + timedelta(days=day)).isoformat()}Z"
    asked = [word for name in SOURCES for word in ("--source", name)]
    with FaultServer(plays) as server:
        return CliRunner().invoke(
            truecost,
            ["run", "--strict", *asked, "--mirror", server.url, "--now", now],
            env={"TRUECOST_HOME": str(home.root)},
        )


def published(home: Home) -> dict[str, dict[str, Any]]:
    """Return, by source, what the published file says of it."""
    with open_published(home) as connection:
        rows = connection.execute(
            """
            with tried as (
                from meta.source_status
                qualify row_number() over (partition by source_id order by asked_at desc) = 1
            )
            select
                t.source_id, t.status in ('ok', 'unchanged') as has_answered, t.seen_at,
                t.error_class, count(o.offer_key) as offers, bool_or(o.is_stale) as is_stale,
                max(o.age_hours) as age_hours,
                (
                    select count(*) from core.offer_price as p where p.source_id = t.source_id
                ) as beliefs
            from tried as t
            left join marts.offers_latest as o on t.source_id = o.source_id
            group by all
            """
        )
        columns = [column[0] for column in rows.description or []]
        return {row[0]: dict(zip(columns[1:], row[1:], strict=True)) for row in rows.fetchall()}


def offers_a_day(home: Home) -> list[int]:
    """Return how many offers the daily prices are made from, by day."""
    with open_published(home) as connection:
        found = connection.execute(
            "select sum(offer_count)::integer from marts.gpu_price_daily"
            " where market_family = 'all' group by day order by day"
        ).fetchall()
    return [row[0] for row in found]


@pytest.mark.slow  # nine runs of the whole job
@pytest.mark.usefixtures("small_build")
def test_t5_seven_days_without_one_source_and_its_return(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    first = live(home, 0, None)
    assert first.exit_code == 0, first.output
    before = published(home)["linode"]
    assert before["offers"] > 0
    [every], moved = offers_a_day(home), published(home)["runpod"]["beliefs"]

    for day, (down, error_class) in enumerate(WRONG, start=1):
        result, today = live(home, day, down), FIRST + timedelta(days=day)
        assert result.exit_code == 1, result.output  # --strict fails, although it was published
        lines = [line for line in result.output.splitlines() if "linode[" in line]
        assert len(lines) == 1, result.output
        now = published(home)
        for name in ("runpod", "vultr"):
            assert (now[name]["has_answered"], now[name]["seen_at"]) == (True, today)
            assert (now[name]["offers"] > 0, now[name]["is_stale"]) == (True, False)
        assert now["runpod"]["beliefs"] > moved  # a price that moved is a new belief
        moved = now["runpod"]["beliefs"]
        assert now["linode"] == before | {
            "has_answered": False,
            "error_class": error_class,
            "is_stale": day > 3,  # 72 hours are no silence yet
            "age_hours": 24.0 * day,
        }
    # Its prices count for 72 hours, looked at from the end of each day.
    fewer = every - before["offers"]
    assert offers_a_day(home) == [every] * 3 + [fewer] * 5

    assert live(home, 8, None).exit_code == 0
    after = published(home)["linode"]
    assert after == before | {"seen_at": FIRST + timedelta(days=8)}
    # What it says now is no value of the days on which nobody heard it.
    assert offers_a_day(home) == [every] * 3 + [fewer] * 5 + [every]

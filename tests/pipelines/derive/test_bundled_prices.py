"""A home whose prices are all of the bundled snapshot tells them as of its last capture."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from pipelines.derive.load import load
from tests.pipelines.commands.conftest import copy_days
from warehouse.paths import Home

BUNDLED_AT = datetime.fromisoformat("2026-08-09T06:00")
LATER = datetime.fromisoformat("2027-08-10T06:20")


def clock(home: Home, now: datetime) -> tuple[datetime, datetime, bool]:
    """Load what has come, and return the clock of the build and the moment of its prices."""
    load(home, now=now.replace(tzinfo=UTC), run_id=f"run-{now}")
    with duckdb.connect(home.build_database, read_only=True) as build:
        [found] = build.execute(
            "select now_at, prices_at, is_bundled from staged.build_clock"
        ).fetchall()
    return found


def test_ages_count_from_the_last_bundled_price_until_a_source_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, snapshot = Home(tmp_path / "home"), tmp_path / "snapshot"
    # A token price list of later says nothing about the day of the GPU prices.
    copy_days(snapshot, {"gpu_rental_prices": {"2026-08-09"}, "litellm": {"2026-11-15"}})
    monkeypatch.setattr("pipelines.derive.load.SNAPSHOT", snapshot)
    assert clock(home, LATER) == (LATER, BUNDLED_AT, True)
    again = LATER + timedelta(days=1)
    assert clock(home, again) == (again, BUNDLED_AT, True)
    copy_days(home.root, {"gpu_rental_prices": {"2026-08-10"}})
    heard = again + timedelta(days=1)
    assert clock(home, heard) == (heard, heard, False)
    assert clock(home, heard) == (heard, heard, False)


def test_a_home_of_its_own_captures_tells_prices_as_of_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.derive.load.SNAPSHOT", tmp_path / "nothing")
    home = Home(tmp_path / "home")
    assert clock(home, LATER) == (LATER, LATER, False)
    copy_days(home.root, {"gpu_rental_prices": {"2026-08-09"}})
    assert clock(home, LATER) == (LATER, LATER, False)

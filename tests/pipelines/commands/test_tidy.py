"""``truecost tidy``: what it says, and that a damaged month is named with status 2."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pipelines.capture.landing import Landing
from pipelines.cli import truecost
from pipelines.jobs import tidying
from pipelines.jobs.tidying import Tidied, make_packs
from tests.pipelines.captures import filed
from warehouse.paths import Home


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """Return a data folder with captures of July 2026, whose state of Dagster is left alone."""

    def tidy(home: Home, now: datetime, after: object) -> Tidied:
        return Tidied(*make_packs(home, datetime(2026, 9, 1, tzinfo=UTC).date()), runs=3)

    monkeypatch.setattr(tidying, "tidy", tidy)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    monkeypatch.setenv("TRUECOST_DAGSTER_STATE", str(tmp_path))
    monkeypatch.setenv("TRUECOST_HOME", str(tmp_path))
    for days in (0, 1):
        filed(Home(tmp_path), b"prices %d" % days, days=days)
    return Home(tmp_path)


def tidied() -> Result:
    """Run the command."""
    return CliRunner().invoke(truecost, ["tidy"], env=dict(os.environ))


def test_each_pack_is_a_line(home: Home):
    done = tidied()
    assert done.exit_code == 0, done.output
    pack, total = done.output.splitlines()
    assert pack.startswith("landing/akash/2026-07.zip: 4 files, ")
    assert total == "1 months packed, 3 old runs deleted"


def test_a_damaged_month_is_named_and_the_status_is_2(home: Home):
    path = next(Landing(home).captures("akash")).requests[0].path or ""
    (home.landing / path).write_bytes(b"")
    done = tidied()
    assert done.exit_code == 2
    assert path in done.stderr and "backup" in done.stderr
    assert "0 months packed" in done.stdout


def test_a_machine_that_only_captures_tidies_up_too(home: Home):
    done = CliRunner().invoke(truecost, ["run", "--offline", "--no-build"], env=dict(os.environ))
    assert done.exit_code == 0, done.output
    assert (home.landing / "akash" / "2026-07.zip").is_file()


def test_a_full_disk_is_one_line(home: Home, monkeypatch: pytest.MonkeyPatch):
    def full(*_: object) -> Tidied:
        raise OSError(28, "No space left on device", "a.zip")

    monkeypatch.setattr(tidying, "tidy", full)
    done = tidied()
    assert done.exit_code == 2
    assert done.stderr.splitlines()[-1] == (
        "Error: not tidied up: [Errno 28] No space left on device: 'a.zip'"
    )

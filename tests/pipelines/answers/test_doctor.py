"""The doctor names what is missing, with what to do about it, and changes nothing."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipelines.answers import doctor
from pipelines.answers.doctor import Finding, findings
from pipelines.cli import truecost
from tests.pipelines.captures import MOMENT, filed
from warehouse.database import POINTER
from warehouse.paths import Home

NOW = datetime(2026, 7, 2, tzinfo=UTC)


def found(home: Home, name: str, now: datetime = NOW) -> Finding:
    return next(one for one in findings(home, now) if one.name == name)


@pytest.fixture(autouse=True)
def without_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start the child once, in a test of its own."""
    monkeypatch.setattr(doctor, "_child", lambda: Finding("child process", "works", None))


@pytest.fixture
def home(tmp_path: Path) -> Home:
    (tmp_path / "home").mkdir(mode=0o700)
    return Home(tmp_path / "home")


def test_a_new_home_is_well_and_is_not_created(tmp_path: Path) -> None:
    home = Home(tmp_path / "not" / "there")
    problems = [one for one in findings(home, NOW) if one.problem and one.name != "disk free"]
    assert problems == []
    assert not home.root.parent.exists()


def test_the_child_process_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert doctor._child() == Finding("child process", "works", None)
    monkeypatch.setattr("sys.executable", "/bin/false")
    assert "cannot be parsed" in str(doctor._child().problem)


def test_limits_that_the_system_lacks_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert doctor._limits().problem is None
    monkeypatch.setattr(doctor, "limits_lacking", lambda: ["memory"])
    assert doctor._limits().value == "memory"
    assert "Linux" in str(doctor._limits().problem)


def test_another_duckdb_is_named() -> None:
    assert doctor._duckdb("1.5.9").problem is None
    assert "1.5." in str(doctor._duckdb("2.0.0").problem)


def test_a_disk_that_is_nearly_full_is_named(home: Home) -> None:
    assert doctor._disk(home, 2**31).problem is None
    home.build_database.write_bytes(b"")
    assert "free some" in str(doctor._disk(home, 2**29).problem)


def test_a_folder_that_all_may_write_is_named(home: Home) -> None:
    assert found(home, "home").problem is None
    home.root.chmod(0o777)
    assert "chmod 0700" in str(found(home, "home").problem)
    file = home.root / "file"
    file.touch()
    assert "TRUECOST_HOME" in str(found(Home(file), "home").problem)


def test_captures_of_the_future_name_the_clock(home: Home) -> None:
    filed(home, b"{}")
    assert found(home, "clock", MOMENT).problem is None
    assert "set the clock" in str(found(home, "clock", datetime(2020, 1, 1, tzinfo=UTC)).problem)


def test_captures_that_wait_and_payloads_over_a_limit_are_counted(home: Home) -> None:
    capture = filed(home, b"{}")
    assert found(home, "captures not parsed").value == "1: truecost run"
    day = home.observations / "akash" / "2026-07-01"
    day.mkdir(parents=True)
    (day / f"{capture.requests[0].sha256}-aa-1.limit.json").touch()
    assert found(home, "payloads over a limit").value == f"akash {capture.requests[0].sha256:.12}"


def test_a_pointer_to_nothing_is_named(home: Home) -> None:
    home.published.mkdir()
    (home.published / POINTER).symlink_to("truecost-gone.duckdb")
    assert "truecost restore" in str(found(home, "published").problem)


def test_the_command_prints_what_it_found_and_ends_with_one(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRUECOST_HOME", str(home.root))
    monkeypatch.setattr(doctor, "_disk", lambda *_: Finding("disk free", "9 GiB", None))
    result = CliRunner().invoke(truecost, ["doctor", "--json"])
    rows = json.loads(result.stdout)
    assert result.exit_code == 0, rows
    assert [row["name"] for row in rows][:2] == ["python", "duckdb"]
    home.root.chmod(0o777)
    assert CliRunner().invoke(truecost, ["doctor"]).exit_code == 1

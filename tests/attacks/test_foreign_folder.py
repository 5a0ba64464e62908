"""A data folder of somebody else, or one that may only be read: one line, and nothing changed.

Root may write anywhere: where the tests run as root, the command runs without that capability.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipelines.derive.load import prepare
from warehouse import publication
from warehouse.database import open_build
from warehouse.paths import HOME_VARIABLE, Home

CAPABILITIES = ",".join(f"-{name}" for name in ("dac_override", "dac_read_search", "fowner"))
SOMEBODY = 65534
WRITING = [
    ["run", "--offline"],
    ["rebuild"],
    ["restore"],
    ["site"],
    ["backfill", "--reparse", "cloud_gpus"],
]
READING = [["offers", "H100-SXM-80GB"], ["sql", "select 1"], ["status"]]


def confined() -> list[str]:
    """Return the beginning of a command that may not write what its owner forbids."""
    if os.geteuid() != 0:
        return []
    if not shutil.which("setpriv"):
        pytest.skip("root may write anywhere, and there is no setpriv")
    return ["setpriv", f"--bounding-set={CAPABILITIES}", f"--inh-caps={CAPABILITIES}"]


def outcome(home: Home, *arguments: str) -> tuple[int, list[str]]:
    done = subprocess.run(
        [*confined(), sys.executable, "-m", "pipelines.cli", *arguments],
        env={**os.environ, HOME_VARIABLE: str(home.root)},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stderr.strip().splitlines()


def foreign(home: Home, mode: int) -> None:
    """Give a folder with everything in it to somebody else, or take the right to write from us."""
    for path in [home.root, *home.root.rglob("*")]:
        if os.geteuid() == 0:
            os.chown(path, SOMEBODY, SOMEBODY)
        path.chmod(mode if path.is_dir() else 0o444)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    with open_build(home) as connection:
        prepare(connection, datetime(2026, 7, 1, tzinfo=UTC), "run-1")
        connection.execute("checkpoint")
    publication.publish(home, "run-1", keep=3)
    return home


@pytest.mark.parametrize("arguments", WRITING, ids=lambda arguments: arguments[0])
def test_a_folder_that_may_only_be_read_is_not_written(home: Home, arguments: list[str]) -> None:
    foreign(home, 0o555)
    before = {path: path.stat().st_mtime_ns for path in home.root.rglob("*")}
    status, lines = outcome(home, *arguments)
    assert (status, len(lines)) == (2, 1), lines
    assert str(home.root) in lines[0]
    assert {path: path.stat().st_mtime_ns for path in home.root.rglob("*")} == before


@pytest.mark.parametrize("arguments", [*WRITING[:3], *READING], ids=lambda arguments: arguments[0])
def test_a_folder_that_only_somebody_else_may_open_is_one_line(
    home: Home, arguments: list[str]
) -> None:
    foreign(home, 0o700)
    if os.geteuid() != 0:
        home.root.chmod(0o000)
    status, lines = outcome(home, *arguments)
    home.root.chmod(0o700)
    assert (status, len(lines)) == (2, 1), lines
    assert str(home.root) in lines[0] and "ermission denied" in lines[0]

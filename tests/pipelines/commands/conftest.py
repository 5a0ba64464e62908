"""A home that is published once for all: some days of the bundled snapshot, costs included."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pipelines.answers.bill import MEMORY_BYTES, compared
from pipelines.cli import main, truecost
from pipelines.derive.check import check
from pipelines.derive.load import SNAPSHOT, load
from pipelines.derive.make import Phases, make, phases
from pipelines.derive.release import publish_build
from tests.conftest import BuildOnce
from warehouse import publication
from warehouse.confinement import Limits
from warehouse.database import POINTER
from warehouse.models import read_models
from warehouse.paths import Home

NOW = datetime(2026, 8, 10, 6, 20, tzinfo=UTC)
# Of the sources with a long history only what the questions ask for.
DAYS = {
    "gpu_rental_prices": {"2026-07-10", "2026-08-05", "2026-08-09", "2026-08-10"},
    "gcp_pricing_yml": {"2026-08-10"},
    "litellm": {"2026-07-24", "2026-11-15"},
    "genai_prices": {"2026-07-25"},
}

Truecost = Callable[..., Result]
Rows = list[dict[str, Any]]


def copy_days(target: Path, days: Mapping[str, set[str]]) -> None:
    """Copy the ledgers of sources and days (none: all), and the rows that they name."""
    for ledger in SNAPSHOT.glob("observations/*/*/*.ledger.json"):
        source_id, day = ledger.parts[-3:-1]
        if source_id not in days or day not in (days[source_id] or {day}):
            continue
        paths = [row["observation_path"] for row in json.loads(ledger.read_bytes())["rows"]]
        for name in {str(ledger.relative_to(SNAPSHOT)), *filter(None, paths)}:
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(SNAPSHOT / name, target / name)


def without_parquet(_connection: object, folder: Path, _before: object) -> Iterator[object]:
    """Export nothing: no test of these reads Parquet."""
    folder.mkdir()
    return iter(())


def phases_behind(*names: str) -> Phases:
    """Return the phases of these tables and of all that they are made from."""
    models, wanted = read_models(), set(names)
    for name in reversed(models):  # a model comes after those that it reads
        if name in wanted:
            wanted |= models[name].depends_on
    return phases({name: model for name, model in models.items() if name in wanted})


def publish_days(folder: Path) -> None:
    """Build and publish a home in ``folder/home`` from some days of the bundled snapshot."""
    home, snapshot = Home(folder / "home"), folder / "snapshot"
    sources = {path.name for path in (SNAPSHOT / "observations").iterdir()}
    copy_days(snapshot, {source: set() for source in sources} | DAYS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipelines.derive.load.SNAPSHOT", snapshot)
        load(home, now=NOW, run_id="one")
        order = phases(read_models())
        list(make(home, order))
        wrong = [found for found in check(home, order.all) if found.wrong_rows]
        assert wrong == []
        patch.setattr(publication, "export", without_parquet)
        publish_build(home, run_id="one", now=NOW)
    assert (home.published / POINTER).exists()


@pytest.fixture
def main_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Return a way to run the command line on a data folder: exit status, output, errors."""

    def run(home: Path, *arguments: str) -> tuple[int, str, str]:
        monkeypatch.setenv("TRUECOST_HOME", str(home))
        with pytest.raises(SystemExit) as end:
            main(list(arguments))
        printed = capsys.readouterr()
        return int(end.value.code or 0), printed.out, printed.err

    return run


@pytest.fixture(scope="session")
def answers_home(build_once: BuildOnce) -> Home:
    """Return a home with a published file; all tests share it and none changes it."""
    return Home(build_once("answers", publish_days) / "home")


@pytest.fixture
def ask(answers_home: Home, monkeypatch: pytest.MonkeyPatch) -> Truecost:
    """Return a way to run the command on the published home."""
    monkeypatch.setenv("TRUECOST_HOME", str(answers_home.root))
    monkeypatch.delenv("TRUECOST_WEBHOOK", raising=False)

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(truecost, arguments, env=dict(os.environ))

    return run


@pytest.fixture
def read_bill(answers_home: Home) -> Callable[..., Rows]:
    """Return a way to compare a bill in this process.

    It leaves out the command and the child that reads the files of strangers, which other tests
    run: a child that starts takes five times as long as the comparison.
    """

    def read(path: Path, *, is_by_token: bool = False) -> Rows:
        limits = Limits(memory_bytes=MEMORY_BYTES, threads=1)
        columns, rows = compared(path, answers_home, None, limits, is_by_token=is_by_token)
        return [dict(zip(columns, row, strict=True)) for row in rows]

    return read

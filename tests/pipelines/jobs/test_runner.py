"""Runs of this process: what they end in where the state is full, and to whom they belong."""

from __future__ import annotations

import sqlite3
import sys
import warnings
from types import SimpleNamespace

import pytest
from sqlalchemy.exc import OperationalError

from pipelines.jobs import runner
from pipelines.jobs.instance import MODULE

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # Dagster's own notices of preview features
    from pipelines.definitions import defs


def test_a_state_that_cannot_be_written_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object) -> tuple[bool, str | None]:
        sys.stderr.write("Exception while writing logger call to event log: many\nlines\n")
        sys.stderr.write("  runpod\n")
        raise OperationalError("insert", {}, sqlite3.OperationalError("database or disk is full"))

    monkeypatch.setattr(runner, "_executed", full)
    succeeded, error = runner.run_job("build", {})
    assert not succeeded
    assert error is not None and "(database or disk is full)" in error and "\n" not in error
    assert capsys.readouterr().err == "  runpod\n"


def test_a_run_belongs_to_the_job_that_the_pages_of_dagster_show() -> None:
    instance = SimpleNamespace(create_run_for_job=lambda **given: given)
    runner.register_as_of_pages(instance, "capture")
    origin = instance.create_run_for_job(tags={})["remote_job_origin"]
    assert origin.job_name == "capture"
    repository = defs().get_repository_def().name
    assert origin.repository_origin.get_label() == f"{repository}@{MODULE}"

"""Runs that are killed: what they leave in the data folder, and in Dagster's state."""

from __future__ import annotations

import json
import os
import platform
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import dagster as dg
import pytest

from pipelines.capture import MIRROR_VARIABLE
from pipelines.capture.parallel import CaptureResult, Progress
from pipelines.defs.progress import Silent
from pipelines.jobs import recovery
from pipelines.jobs.instance import STATE_VARIABLE, prepare_instance
from pipelines.jobs.runner import run_job
from pipelines.reading.ledger import ParseResult
from tests.pipelines.fault_server import FaultServer
from warehouse.paths import Home

BEGUN = dg.DagsterRunStatus.STARTED


def test_what_a_killed_run_held_is_free_and_its_run_has_failed(tmp_path: Path) -> None:
    limits = {"concurrency": {"pools": {"default_limit": 1, "granularity": "op"}}}
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    with dg.DagsterInstance.local_temp(str(tmp_path), overrides=limits) as instance:
        storage = instance.event_log_storage
        storage.initialize_concurrency_limit_to_default("duckdb")
        here = {recovery.NODE_TAG: platform.node()}
        runs = {
            name: instance.create_run_for_job(empty_job, status=BEGUN, tags=tags)
            for name, tags in {
                "killed": {**here, recovery.PROCESS_TAG: str(gone.pid)},
                "alive": {**here, recovery.PROCESS_TAG: str(os.getpid())},
                "elsewhere": {recovery.NODE_TAG: "another", recovery.PROCESS_TAG: str(gone.pid)},
                "daemon": {},
            }.items()
        }

        def claim(run: str) -> bool:
            return storage.claim_concurrency_slot(
                "duckdb", runs[run].run_id, "build_warehouse"
            ).is_claimed

        assert (claim("killed"), claim("daemon")) == (True, False)
        recovery.fail_killed_runs(instance)
        found = {name: instance.get_run_by_id(run.run_id).status for name, run in runs.items()}
        assert found == dict.fromkeys(runs, BEGUN) | {"killed": dg.DagsterRunStatus.FAILURE}
        recovery.release_pools(instance)
        assert claim("alive")


@dg.job
def empty_job() -> None:
    """Nothing."""


class Recorder(Silent):
    """A listener that records the names of the sources."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.read: list[str] = []

    def source_asked(self, step: Progress) -> None:
        self.asked.append(step.source_id)

    def source_read(self, result: CaptureResult, lines: Sequence[ParseResult]) -> None:
        self.read.append(result.source_id)


def test_a_run_in_the_background_can_be_ended_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DAGSTER_HOME", STATE_VARIABLE):
        monkeypatch.setenv(name, str(tmp_path))  # and put back at the end
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # as a shell does for `truecost run &`
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # importing Dagster has replaced it here
    try:
        home = Home(tmp_path)
        prepare_instance(home)
        with FaultServer() as server:
            monkeypatch.setenv("TRUECOST_HOME", str(home.root))
            monkeypatch.setenv(MIRROR_VARIABLE, server.url)
            settings = {"named": ["runpod"]}
            asked = [("sources", "runpod")]
            listener = Recorder()
            run_job("capture", settings, asked, listener)
        assert listener.read == ["runpod"]
        assert listener.asked
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


@pytest.mark.slow
def test_kills_anywhere_lose_nothing_and_double_nothing() -> None:
    kills = 25
    benchmark = Path(__file__).parents[3] / "benchmarks" / "kills.py"
    child = subprocess.run(
        [sys.executable, str(benchmark), "--kills", str(kills)],
        capture_output=True,
        text=True,
        check=False,
    )
    found = json.loads(child.stdout)
    assert (found["wrong"], found["left_over"], child.returncode) == ([], [], 0)
    assert found["kills"] == kills
    assert len(found["by_stage"]) > 2

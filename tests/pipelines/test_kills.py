"""Runs that are killed: what they leave in the data folder, and in Dagster's state."""

from __future__ import annotations

import json
import os
import platform
import signal
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from pipelines import jobs
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
        here = {jobs.NODE_TAG: platform.node()}
        runs = {
            name: instance.create_run_for_job(empty_job, status=BEGUN, tags=tags)
            for name, tags in {
                "killed": {**here, jobs.PROCESS_TAG: str(gone.pid)},
                "alive": {**here, jobs.PROCESS_TAG: str(os.getpid())},
                "elsewhere": {jobs.NODE_TAG: "another", jobs.PROCESS_TAG: str(gone.pid)},
                "daemon": {},
            }.items()
        }

        def claim(run: str) -> bool:
            return storage.claim_concurrency_slot(
                "duckdb", runs[run].run_id, "build_warehouse"
            ).is_claimed

        assert (claim("killed"), claim("daemon")) == (True, False)
        jobs.end_killed_runs(instance)
        found = {name: instance.get_run_by_id(run.run_id).status for name, run in runs.items()}
        assert found == dict.fromkeys(runs, BEGUN) | {"killed": dg.DagsterRunStatus.FAILURE}
        jobs.free_pools(instance)
        assert claim("alive")


@dg.job
def empty_job() -> None:
    """Nothing."""


def test_a_run_in_the_background_can_be_ended_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DAGSTER_HOME", jobs.STATE_VARIABLE):
        monkeypatch.setenv(name, str(tmp_path))  # and put back at the end
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # as a shell does for `truecost run &`
    try:
        home = Home(tmp_path)
        jobs.prepare_instance(home)
        with FaultServer() as server:
            settings = {"home": str(home.root), "mirror": server.url, "named": ["runpod"]}
            asked = [("landing", "runpod"), ("observations", "runpod")]
            jobs.run_job("capture", settings, asked)
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


@pytest.mark.parametrize("kills", [8, pytest.param(100, marks=pytest.mark.recorded)])
def test_kills_anywhere_lose_nothing_and_double_nothing(kills: int) -> None:
    benchmark = Path(__file__).parents[2] / "benchmarks" / "kills.py"
    child = subprocess.run(
        [sys.executable, str(benchmark), "--kills", str(kills)],
        capture_output=True,
        text=True,
        check=False,
    )
    found = json.loads(child.stdout)
    assert (found["wrong"], found["left_over"], child.returncode) == ([], [], 0)
    assert found["kills"] == kills
    assert len(found["by_stage"]) > 1

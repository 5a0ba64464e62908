"""Dagster's state in PostgreSQL, as docs/scaling.md says it, read by another process."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from pipelines.jobs.instance import STATE_VARIABLE
from pipelines.jobs.runner import run_job
from tests.pipelines.fault_server import FaultServer, body
from warehouse.paths import PROJECT

FIXTURE = Path(__file__).parents[2] / "fixtures/sources/runpod/gpu_types.json"
KEY = ["sources", "runpod"]
READ = f"""
import json, warnings
warnings.simplefilter("ignore")
import dagster as dg
with dg.DagsterInstance.get() as instance:
    [run] = instance.get_runs()
    event = instance.get_latest_materialization_event(dg.AssetKey({KEY}))
    print(json.dumps({{
        "job": run.job_name, "status": run.status.value, "run": event.run_id == run.run_id,
        "rows": event.asset_materialization.metadata["dagster/row_count"].value,
        "schedules": type(instance.schedule_storage).__name__,
        "switched": len(instance.all_instigator_state()),
    }}))
"""


def test_another_process_reads_the_run_that_this_one_made(
    catalog: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("dagster_postgres", reason="no dagster-postgres here: make lake")
    documented = (PROJECT / "docs/scaling.md").read_text(encoding="utf-8")
    [block] = re.findall(r"```yaml\n(storage:.*?)```", documented, re.DOTALL)
    settings = yaml.safe_load((PROJECT / "dagster.yaml").read_text(encoding="utf-8"))
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(settings | yaml.safe_load(block)))
    where = dict(word.split("=") for word in catalog.removeprefix("ducklake:postgres:").split())
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    monkeypatch.setenv(STATE_VARIABLE, str(tmp_path / "state"))
    monkeypatch.setenv(
        "TRUECOST_DAGSTER_POSTGRES",
        "postgresql+psycopg2://{user}@{host}:{port}/{dbname}".format(**where),
    )
    with FaultServer({"api.runpod.io/graphql": [body(FIXTURE.read_bytes())]}) as server:
        monkeypatch.setenv("TRUECOST_HOME", str(tmp_path / "home"))
        monkeypatch.setenv("TRUECOST_MIRROR", server.url)
        done = run_job(
            "capture",
            {
                "now": "2026-07-01T06:00:00+00:00",
                "named": ["runpod"],
            },
            [KEY],
        )
    assert done == (True, None)
    reader = subprocess.run(
        [sys.executable, "-c", READ], capture_output=True, text=True, check=False
    )
    assert reader.returncode == 0, reader.stderr
    assert json.loads(reader.stdout) == {
        "job": "capture",
        "status": "SUCCESS",
        "run": True,
        "rows": 9,
        "schedules": "PostgresScheduleStorage",
        "switched": 0,
    }
    assert list(tmp_path.rglob("*.db")) == []  # nothing beside it in SQLite

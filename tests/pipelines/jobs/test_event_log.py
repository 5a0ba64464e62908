"""Dagster's events in files that stay open: the same events, read by Dagster's own storage."""

from __future__ import annotations

import sqlite3
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # Dagster's own notices of preview features
    import dagster as dg
    from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage

    from pipelines.defs.tidying import prune_runs
    from pipelines.jobs.event_log import OPEN_FILES, EventLog

SETTINGS = """
telemetry: {{enabled: false}}
storage:
  custom: {{module: pipelines.jobs.event_log, class: Storage, config: {{base_dir: "{folder}"}}}}
"""


@dg.multi_asset(
    specs=[dg.AssetSpec("left"), dg.AssetSpec("right")],
    check_specs=[dg.AssetCheckSpec("holds", asset="right")],
)
def both():
    """Make two tables and check one."""
    yield dg.MaterializeResult("left", metadata={"rows": 3})
    yield dg.MaterializeResult("right")
    yield dg.AssetCheckResult(asset_key="right", check_name="holds", passed=True)


def run(instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
    """Make both tables."""
    job = dg.Definitions([both], executor=dg.in_process_executor).resolve_job_def("__ASSET_JOB")
    quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    return job.execute_in_process(instance=instance, run_config=quiet)


@pytest.fixture
def instance(tmp_path: Path):
    """Return an instance whose events are in ``tmp_path``."""
    (tmp_path / "dagster.yaml").write_text(SETTINGS.format(folder=tmp_path), encoding="utf-8")
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        yield instance


def test_dagster_itself_reads_the_events(instance: dg.DagsterInstance, tmp_path: Path):
    done = run(instance)
    known = [event.message for event in instance.all_logs(done.run_id)]
    plain = SqliteEventLogStorage(str(tmp_path / "history" / "runs"))
    plain.register_instance(instance)
    assert [event.message for event in plain.get_logs_for_run(done.run_id)] == known
    assert len(known) > len(list(done.all_events))  # what was planned, too
    [record] = plain.get_asset_records([dg.AssetKey("left")])
    assert record.asset_entry.last_run_id == done.run_id


def test_a_run_opens_each_file_once(instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch):
    run(instance)
    opened = []
    connect = sqlite3.dbapi2.connect

    def noted(path: str, *args: object, **named: object) -> sqlite3.Connection:
        opened.append(Path(path).name)
        return connect(path, *args, **named)

    monkeypatch.setattr(sqlite3.dbapi2, "connect", noted)
    done = run(instance)
    assert opened.count(f"{done.run_id}.db") == 1
    assert opened.count("index.db") < len(list(done.all_events))


def test_only_the_newest_files_stay_open(tmp_path: Path):
    log = EventLog(str(tmp_path))
    for number in range(3 * OPEN_FILES):
        log.get_logs_for_run(f"run-{number}")
    assert len(log._engines) == OPEN_FILES
    assert log.get_logs_for_run("run-0") == []  # opened again
    log.dispose()


def test_many_threads_share_a_file(instance: dg.DagsterInstance):
    done = run(instance)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: len(instance.all_logs(done.run_id)), range(40)))
    assert len(set(found)) == 1 and found[0] > 0


def test_wiped_events_are_gone(instance: dg.DagsterInstance):
    done = run(instance)
    instance.event_log_storage.wipe()
    assert instance.all_logs(done.run_id) == []
    assert run(instance).success


def test_who_watches_a_run_hears_of_each_event_and_of_its_end(tmp_path: Path):
    (tmp_path / "dagster.yaml").write_text(SETTINGS.format(folder=tmp_path), encoding="utf-8")
    heard: list[str] = []
    is_over = threading.Event()

    def callback(event: dg.EventLogEntry, _: str) -> None:
        heard.append(event.message)
        if event.dagster_event_type == dg.DagsterEventType.RUN_SUCCESS:
            is_over.set()

    with (
        dg.DagsterInstance.from_config(str(tmp_path)) as page,
        dg.DagsterInstance.from_config(str(tmp_path)) as instance,
    ):
        done = run(instance)
        page.watch_event_logs(done.run_id, None, callback)
        assert is_over.wait(60)
        page.end_watch_event_logs(done.run_id, callback)
        assert heard == [event.message for event in instance.all_logs(done.run_id)]


def test_old_runs_leave_with_their_events_and_files(instance: dg.DagsterInstance, tmp_path: Path):
    ended = [run(instance).run_id for _ in range(4)]
    begun = instance.create_run_for_job(
        dg.GraphDefinition("empty").to_job(), status=dg.DagsterRunStatus.STARTED
    ).run_id
    now = datetime.now(UTC)
    assert prune_runs(instance, now, timedelta(days=1), most=3) == 1
    assert not instance.has_run(ended[0]) and instance.has_run(ended[1])
    assert prune_runs(instance, now + timedelta(days=2), timedelta(days=1)) == 3
    assert instance.get_run_ids() == [begun]
    assert [path.stem for path in tmp_path.rglob("*.db") if path.stem in ended] == []
    assert instance.get_latest_materialization_event(dg.AssetKey("left")) is not None
    assert run(instance).success

"""The schedules: on by themselves, once a day, and made up for once after days without a daemon."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from datetime import UTC, datetime
from pathlib import Path

import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # Dagster's own notices of preview features
    import dagster as dg

    from pipelines.definitions import defs
    from pipelines.defs.capture import ON, SOURCES, source_key
    from pipelines.defs.tables import sample

from pipelines.answers.alarms import Alarm
from pipelines.jobs.instance import PROJECT


@pytest.mark.parametrize(("name", "minute"), [("daily_capture", 0), ("daily_build", 20)])
def test_t6_a_day_is_run_once_however_often_it_is_asked_for(name: str, minute: int):
    schedule = defs().get_repository_def().get_schedule_def(name)
    assert schedule.default_status == dg.DefaultScheduleStatus.RUNNING
    assert schedule.execution_timezone == "UTC"
    assert schedule.cron_schedule == f"{minute} 6 * * *"
    days = [datetime(2026, 10, day, 6, minute, tzinfo=UTC) for day in (25, 26)]
    keys = []
    for at in (days[0], days[0], days[1]):
        with dg.build_schedule_context(scheduled_execution_time=at) as context:
            [request] = schedule.evaluate_tick(context).run_requests
            keys.append(request.run_key)
    assert keys == ["2026-10-25", "2026-10-25", "2026-10-26"]


def test_the_rhythms_of_sources_are_off_until_they_are_switched_on():
    repository = defs().get_repository_def()
    asked = {}
    for name, job in (
        ("hourly_marketplaces", "capture_marketplaces"),
        ("daily_lists", "capture_lists"),
        ("weekly_pages", "capture_weekly"),
    ):
        schedule = repository.get_schedule_def(name)
        assert schedule.default_status == dg.DefaultScheduleStatus.STOPPED
        asked[job] = repository.get_job(schedule.job_name).asset_layer.selected_asset_keys
        assert schedule.job_name == job
    follows = repository.get_sensor_def("build_what_arrived")
    assert follows.default_status == dg.DefaultSensorStatus.STOPPED
    for job, source in (
        ("capture_marketplaces", "vast"),
        ("capture_lists", "aws"),
        ("capture_weekly", "epoch_models"),
    ):
        assert dg.AssetKey(["sources", source]) in asked[job]
    together = repository.get_job("capture").asset_layer.selected_asset_keys
    assert sum(map(len, asked.values())) == len(together)
    assert set().union(*asked.values()) == together


def test_a_build_that_is_started_by_hand_asks_for_no_day():
    job = defs().get_repository_def().get_job("build")
    graph = defs().resolve_asset_graph()
    assert job.partitions_def is None
    tables = {key for key in graph.get_all_asset_keys() if key.path[0] != "sources"}
    with_days = {key for key in tables if graph.get(key).partitions_def}
    assert job.asset_layer.selected_asset_keys == tables - with_days
    assert {check.asset_key for check in job.asset_layer.asset_graph.asset_check_keys} >= with_days


def test_a_scheduled_run_belongs_to_its_day():
    schedule = defs().get_repository_def().get_schedule_def("hourly_marketplaces")
    at = datetime(2026, 10, 25, 23, 40, tzinfo=UTC)
    with dg.build_schedule_context(scheduled_execution_time=at) as context:
        [request] = schedule.evaluate_tick(context).run_requests
    assert request.tags["dagster/partition"] == "2026-10-25"


@pytest.mark.slow
def test_dagster_itself_finds_the_definitions_valid(tmp_path: Path):
    done = subprocess.run(
        [sys.executable, "-m", "dagster", "definitions", "validate", "-m", "pipelines.definitions"],
        env=os.environ | {"DAGSTER_HOME": str(tmp_path), "TRUECOST_HOME": str(tmp_path)},
        cwd=PROJECT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("source_down", ("source", "quarantine")),
        ("published_file_old", ("published", "run", "machine")),
    ],
)
def test_a_sensor_sends_what_is_wrong_and_says_it(
    name: str, kinds: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
):
    wrong = Alarm("source vast", "gives no good answer", None, "its last rows", "truecost status")
    sent = []
    monkeypatch.setattr("pipelines.defs.sensors.current", lambda home, now, looked: [wrong])
    monkeypatch.setattr(
        "pipelines.defs.sensors.tell",
        lambda home, found, looked: sent.append((found, looked)) or [],
    )
    sensor = defs().get_repository_def().get_sensor_def(name)
    assert sensor.default_status == dg.DefaultSensorStatus.RUNNING
    with dg.build_sensor_context() as context:
        tick = sensor.evaluate_tick(context)
    assert tick.skip_message == wrong.line
    assert sent == [([wrong], kinds)]


def test_a_failed_run_is_sent():
    sensor = defs().get_repository_def().get_sensor_def("run_failed")
    assert sensor.default_status == dg.DefaultSensorStatus.RUNNING


def test_a_sample_of_rows_is_harmless_text():
    at = datetime(2026, 8, 10, 6, tzinfo=UTC)
    row = {"text": "a\u202e\x1b[31m\n<b>" + "x" * 999, "at": at, "usd": 1.5, "n": 3, "none": None}
    [record] = sample([row]).records
    assert record.data["text"].startswith("a [31m <b>") and len(record.data["text"]) <= 500
    assert record.data["n"] == 3 and record.data["none"] is None
    assert record.data["usd"] == "1.5" and record.data["at"].startswith("2026-08-10")


def test_every_asset_and_check_says_what_it_is():
    graph = defs().resolve_asset_graph()
    assert not [
        node.key for node in graph.asset_nodes
        if not (node.description and node.group_name and node.kinds)
    ]  # fmt: skip
    checks = [graph.get_check_spec(key) for key in graph.asset_check_keys]
    assert not [check.name for check in checks if not check.description or "{" in check.description]


@pytest.mark.parametrize(
    ("table", "record_kinds"),
    [
        ("cost_per_flop", {"offer", "series_point"}),
        ("inference_cost", {"offer", "series_point"}),
        ("training_cost", {"offer", "series_point", "table_row"}),
        ("api_price", {"api_price"}),
    ],
)
def test_the_lineage_of_a_headline_reaches_its_sources(table: str, record_kinds: set[str]):
    above = defs().resolve_asset_graph().get_ancestor_asset_keys(dg.AssetKey(["marts", table]))
    wanted = {source_key(name) for name in ON if SOURCES[name].record_kind in record_kinds}
    assert wanted <= above

"""The days of assets: which a calendar has, and what a run for days asks, makes and refuses."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Any

import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # Dagster's own notices of preview features
    import dagster as dg

    from pipelines.definitions import defs
    from pipelines.defs import capture, tables
    from pipelines.defs.capture import ON, SOURCES, source_key
    from pipelines.defs.days import DAY_TAG

from click.testing import CliRunner

from pipelines.commands.backfill import backfill
from pipelines.derive.make import Outcome
from pipelines.derive.release import PublishReport
from pipelines.jobs.instance import prepare_instance
from pipelines.reading.past import PastRead
from pipelines.reading.reader import parse_captures
from pipelines.site.build import SiteReport
from pipelines.sources.base import FIRST_DAY
from tests.pipelines.captures import filed
from tests.pipelines.sources.saved import FIXTURES
from warehouse.database import open_build
from warehouse.models import CheckResult, read_models
from warehouse.paths import Home

SOURCE = "gpu_rental_prices"


@pytest.fixture
def home(tmp_path, monkeypatch) -> Home:
    """Return an empty data folder, selected for this process."""
    for name in ("TRUECOST_HOME", "TRUECOST_DAGSTER_STATE", "DAGSTER_HOME", "TRUECOST_MIRROR"):
        monkeypatch.setenv(name, "")
    prepare_instance(Home(tmp_path))
    return Home(tmp_path)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def run_for(
    instance: dg.DagsterInstance, tags: Mapping[str, str], *keys: dg.AssetKey, **settings: Any
) -> dg.ExecuteInProcessResult:
    """Make assets for some days, as the pages of Dagster do."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return (
            defs()
            .resolve_implicit_global_asset_job_def()
            .execute_in_process(
                instance=instance,
                asset_selection=list(keys),
                tags=dict(tags),
                run_config={"resources": {"settings": {"config": settings}}},
                raise_on_error=False,
            )
        )


def first_error(done: dg.ExecuteInProcessResult) -> str:
    [failed] = [event.step_failure_data.error for event in done.all_events if event.is_step_failure]
    while failed.cause:
        failed = failed.cause
    return failed.message.strip()


def days_of(instance: dg.DagsterInstance, key: dg.AssetKey) -> set[str]:
    return set(instance.get_materialized_partitions(key))


def test_a_calendar_begins_where_the_past_of_its_source_does_and_has_today():
    graph = defs().resolve_asset_graph()
    for name in ON:
        days = graph.get(source_key(name)).partitions_def
        assert days.get_first_partition_key() == SOURCES[name].first_day.isoformat()
        assert days.get_last_partition_key() >= datetime.now(UTC).date().isoformat()
    assert SOURCES["vast"].first_day == FIRST_DAY
    assert SOURCES["gcp_pricing_yml"].first_day == date(2022, 2, 9)


def test_only_tables_that_are_made_by_day_have_days():
    with_days = {
        ".".join(node.key.path)
        for node in defs().resolve_asset_graph().asset_nodes
        if node.partitions_def and node.key.path[0] != "sources"
    }
    assert with_days == {"marts.gpu_price_daily", "marts.gpu_price_index_revision"}


@pytest.mark.parametrize(
    ("key", "said"),
    [
        (source_key(SOURCE), f"{SOURCE} has no day 2001-01-01: its first is 2026-07-05"),
        (
            dg.AssetKey(["marts", "gpu_price_daily"]),
            "the calendar of prices has no day 2001-01-01: its first is 2017-02-10",
        ),
    ],
)
def test_a_day_before_the_first_is_refused_in_one_line(home, instance, key, said):
    done = run_for(instance, {DAY_TAG: "2001-01-01"}, key)
    assert not done.success
    assert first_error(done).endswith(said)


def test_past_days_ask_what_the_command_asks(home, instance, monkeypatch):
    asked = []

    def nothing(source: Any, **given: Any) -> PastRead:
        asked.append((source.source_id, given["since"], given["until"]))
        return PastRead(source_id=SOURCE, result=None, error="no copies", is_refused=True)

    monkeypatch.setattr(capture, "read_past", nothing)
    days = {
        "dagster/asset_partition_range_start": "2026-08-01",
        "dagster/asset_partition_range_end": "2026-08-04",
    }
    done = run_for(instance, days, source_key(SOURCE), now="2026-08-10T06:00:00+00:00")
    assert asked == [(SOURCE, date(2026, 8, 1), date(2026, 8, 4))]
    assert not done.success and first_error(done).endswith("no copies")
    assert days_of(instance, source_key(SOURCE)) == set()


def test_days_captured_before_there_was_a_calendar_come_into_it_once(home, instance, monkeypatch):
    good = (FIXTURES / "ecb" / "daily.xml").read_bytes()
    captures = [
        filed(home, content, days=day, source_id="ecb", key="rates")
        for day, content in ((0, good), (20, good), (21, b"<html>"))
    ]
    parse_captures(home, captures)
    monkeypatch.setattr(capture, "capture", lambda *_, **__: [])
    key = source_key("ecb")
    for _ in range(2):
        done = run_for(instance, {}, key, now="2026-08-05T06:00:00+00:00")
        assert done.success
        assert days_of(instance, key) == {"2026-07-21"}  # July 1 is long past, July 22 failed
        found = done.get_asset_check_evaluations()
        told = [(check.partition, check.passed) for check in found]
        assert told in ([("2026-07-21", True), ("2026-07-22", False)], [])
    assert told == []


@pytest.mark.recorded
def test_the_command_and_the_pages_write_the_same_days(home, monkeypatch, replay_server):
    asked = ["--since", "2026-07-06", "--until", "2026-07-09", "--mirror", replay_server]
    done = CliRunner().invoke(backfill, [SOURCE, *asked, "--no-build"])
    assert done.exit_code == 0, done.output
    assert "4 days captured, 2026-07-06 to 2026-07-09" in done.output
    key = source_key(SOURCE)
    with dg.DagsterInstance.get() as by_command:
        wanted = days_of(by_command, key)
        [run] = by_command.get_runs()
    assert wanted == {f"2026-07-0{day}" for day in (6, 7, 8, 9)}
    assert run.job_name == "capture"
    assert run.tags["truecost/backfill"] == "2026-07-06 to 2026-07-09, each day"
    range_tags = {
        "dagster/asset_partition_range_start": "2026-07-06",
        "dagster/asset_partition_range_end": "2026-07-09",
    }
    with dg.DagsterInstance.ephemeral() as by_page:
        assert run_for(by_page, range_tags, key).success  # captured before: into the calendar
        assert days_of(by_page, key) == wanted


def test_a_build_logs_the_days_and_checks_of_tables_with_days(home, instance, monkeypatch):
    """Though its job does not select them, so that it asks for no day."""
    made, models = date(2026, 8, 9), tables.PHASES.all
    outcomes = [Outcome(model, 1, None, {made: 1} if model.is_by_day else {}) for model in models]
    checks = [
        CheckResult(model.name, one.name, one.sql, 0, None)
        for model in models
        for one in model.checks
    ]
    monkeypatch.setattr(tables, "load", lambda *_, **__: None)
    monkeypatch.setattr(tables, "make", lambda *_, **__: outcomes)
    monkeypatch.setattr(tables, "check", lambda *_, **__: checks)
    monkeypatch.setattr(tables, "publish_build", lambda *_, **__: PublishReport(home.root, 1))
    report = SiteReport(home.root, 1, 1, 1, "index.html", 1, 1.0)
    monkeypatch.setattr("pipelines.defs.site.build_site", lambda *_, **__: report)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        job = defs().resolve_job_def("build")
        done = job.execute_in_process(
            instance=instance, tags={DAY_TAG: "2026-08-10"}, raise_on_error=False
        )
    assert done.success, first_error(done)
    assert len(done.get_asset_check_evaluations()) == len(checks)
    for name in ("gpu_price_daily", "gpu_price_index_revision"):
        assert days_of(instance, dg.AssetKey(["marts", name])) == {made.isoformat()}


@pytest.mark.recorded
def test_a_day_of_a_table_is_derived_again(home, instance, replay_server):
    done = CliRunner().invoke(
        backfill, [SOURCE, "--until", "2026-07-07", "--mirror", replay_server]
    )
    assert done.exit_code == 0, done.output
    key = dg.AssetKey(["marts", "gpu_price_daily"])
    question = "select count(*) from marts.gpu_price_daily where day = date '2026-07-06'"
    with open_build(home) as connection:
        [(rows,)] = connection.execute(question).fetchall()
        connection.execute("delete from marts.gpu_price_daily where day = date '2026-07-06'")
    assert rows > 0
    done = run_for(instance, {DAY_TAG: "2026-07-06"}, key)
    assert done.success, first_error(done)
    assert days_of(instance, key) == {"2026-07-06"}
    with open_build(home) as connection:
        assert connection.execute(question).fetchall() == [(rows,)]


BACKFILL = """
mutation LaunchPartitionBackfill($backfillParams: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $backfillParams) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on PythonError { message }
  }
}
"""


@pytest.fixture
def workspace(home: Home) -> Iterator[Any]:
    """Return what the pages of Dagster and its daemon share, with our definitions in it."""
    from dagster._core.remote_origin import InProcessCodeLocationOrigin
    from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
    from dagster._core.workspace.context import WorkspaceProcessContext
    from dagster._core.workspace.load_target import InProcessWorkspaceLoadTarget

    definitions = LoadableTargetOrigin(module_name="pipelines.definitions", attribute="defs")
    origin = InProcessCodeLocationOrigin(definitions, location_name="pipelines.definitions")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with (
            dg.DagsterInstance.get() as instance,
            WorkspaceProcessContext(instance, InProcessWorkspaceLoadTarget(origin)) as context,
        ):
            yield context


@pytest.mark.slow
def test_a_backfill_as_the_pages_send_it_is_one_run_for_its_days(workspace: Any) -> None:
    from dagster._daemon.backfill import execute_backfill_iteration
    from dagster_graphql.test.utils import execute_dagster_graphql

    days = [f"2026-07-0{day}" for day in (6, 7, 8)]
    asked = {"assetSelection": [{"path": ["sources", SOURCE]}], "partitionNames": days}
    with workspace.create_request_context() as request:
        answer = execute_dagster_graphql(request, BACKFILL, {"backfillParams": asked})
    assert answer.data["launchPartitionBackfill"]["__typename"] == "LaunchBackfillSuccess"
    assert [
        error
        for error in execute_backfill_iteration(workspace, logging.getLogger(__name__))
        if error
    ] == []
    [run] = workspace.instance.get_runs()
    assert run.asset_selection == {source_key(SOURCE)}
    assert run.tags["dagster/asset_partition_range_start"] == days[0]
    assert run.tags["dagster/asset_partition_range_end"] == days[-1]


def test_what_is_true_of_a_whole_table_is_told_with_its_last_day() -> None:
    told: list[dg.AssetMaterialization] = []
    days = {date(2026, 8, 2): 3, date(2026, 8, 1): 2}
    outcome = Outcome(read_models()["marts.gpu_price_daily"], 5, None, days)
    # The stand-in has the one method of a context that is called.
    tables.log_days(SimpleNamespace(log_event=told.append), outcome)  # type: ignore[arg-type]
    about = {
        one.partition: {key: found.value for key, found in one.metadata.items()} for one in told
    }
    assert about == {
        "2026-08-01": {"rows of the day": 2},
        "2026-08-02": {"rows of the day": 3, "made": False, "dagster/row_count": 5},
    }

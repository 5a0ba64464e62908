"""The planner against the runs that reported their hours, and the limits it must keep."""

from __future__ import annotations

from datetime import date

import duckdb
import pytest

from pipelines.derive import training_plan_backtest
from pipelines.derive.training_plan_backtest import PlannedRun, planned_runs, score
from warehouse.models import read_models
from warehouse.reference import bundled
from warehouse.reference.training_runs import training_run_rows

TABLE = "marts.training_plan_backtest"


@pytest.fixture(scope="module")
def planned() -> list[PlannedRun]:
    return planned_runs(bundled())


def test_planned_hours_are_right_in_the_middle_and_as_sure_as_they_say(planned):
    found = score(planned)
    assert found.runs >= 50
    assert 0.9 < found.median_ratio < 1.1
    assert found.coverage_low < 0.8 < found.coverage_high


def test_makers_that_the_fit_has_not_seen_are_planned_as_well():
    found = score(planned_runs(bundled(), by_organization=True))
    assert 0.9 < found.median_ratio < 1.1
    assert found.coverage_low < 0.8 < found.coverage_high


def test_runs_that_were_only_quoted_are_planned_and_do_not_count(planned):
    quoted = [one for one in planned if one.row.evidence == "quoted"]
    assert quoted
    assert score(planned).runs == len(planned) - len(quoted)


def test_every_reported_share_is_one_that_a_run_can_reach():
    rows = training_run_rows(bundled())
    model = training_plan_backtest.utilisation_model(bundled())
    for row in rows:
        run = training_plan_backtest.reported_run(row, bundled())
        assert 0.05 < run.share < 0.65, row.run_id
        assert model.gpu_count(run.setting) >= 1


def checks(connection: duckdb.DuckDBPyConnection) -> list[bool]:
    return [
        bool(connection.sql(check.sql.replace("{this}", TABLE)).fetchall())
        for check in read_models()[TABLE].checks
    ]


def test_the_build_fails_where_plans_become_worse():
    with duckdb.connect() as connection:
        training_plan_backtest.derive(connection, date(2026, 11, 20))
        assert checks(connection) == [False, False, False]
        connection.execute(f"update {TABLE} set ratio = ratio * 0.7")
        assert checks(connection)[0]
        connection.execute(f"update {TABLE} set ratio = ratio * ratio * ratio")
        assert checks(connection)[1]
        connection.execute(f"update {TABLE} set is_covered = hash(run_id) % 2 > 0")
        assert checks(connection)[2]

"""One table alone: made in a run of its own, with what depends on it, and published."""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path

import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # Dagster's own notices of preview features
    import dagster as dg

    from pipelines.definitions import defs

from pipelines.derive.made import Traces
from pipelines.jobs.instance import prepare_instance
from tests.pipelines.commands.conftest import answers_home
from warehouse.database import open_build, open_published
from warehouse.models import read_models
from warehouse.paths import Home

__all__ = ["answers_home"]
NOW = "2026-08-11T06:00:00+00:00"
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def home(answers_home: Home, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Return a copy of the home of the commands."""
    root = tmp_path_factory.mktemp("copy") / "home"
    return Home(shutil.copytree(answers_home.root, root, symlinks=True))


def use(home: Home, patch: pytest.MonkeyPatch) -> None:
    """Select a home for this process; what it sets is undone at the end."""
    for name in ("TRUECOST_HOME", "TRUECOST_DAGSTER_STATE", "DAGSTER_HOME"):
        patch.setenv(name, "")
    prepare_instance(home)


def materialize(*keys: str) -> dg.ExecuteInProcessResult:
    """Make assets, as the page of Dagster does."""
    with dg.DagsterInstance.get() as instance:
        return (
            defs()
            .resolve_implicit_global_asset_job_def()
            .execute_in_process(
                instance=instance,
                asset_selection=[dg.AssetKey(key.split(".")) for key in keys],
                run_config={"resources": {"settings": {"config": {"now": NOW}}}},
                raise_on_error=False,
            )
        )


def test_one_table_is_made_alone_and_published(home: Home, monkeypatch: pytest.MonkeyPatch):
    use(home, monkeypatch)
    with open_build(home) as connection:
        connection.execute("delete from marts.price_dispersion")
    done = materialize("marts.price_dispersion")
    assert done.success
    events = {
        ".".join(event.asset_key.path): event
        for event in done.all_events
        if event.is_step_materialization and event.asset_key
    }
    assert {"marts.price_dispersion", "published.warehouse"} <= events.keys()
    assert not {"core.gpu", "marts.serving_point"} & events.keys()
    told = events["marts.price_dispersion"].step_materialization_data.materialization.metadata
    types = {column.name: column.type for column in told["dagster/column_schema"].schema.columns}
    assert types["gpu_class"] == "VARCHAR" and "not made yet" not in types.values()
    assert 0 < len(told["sample"].records) <= 5
    with open_published(home) as connection:
        assert connection.execute("select count(*) from marts.price_dispersion").fetchall()[0][0]


def test_a_check_runs_alone(home: Home, monkeypatch: pytest.MonkeyPatch):
    use(home, monkeypatch)
    graph = defs().resolve_asset_graph()
    check = min(key for key in graph.asset_check_keys if key.asset_key.path[-1] == "offers_latest")
    assert graph.get_check_spec(check)
    job = defs().resolve_implicit_global_asset_job_def()
    with dg.DagsterInstance.get() as instance:
        done = job.get_subset(
            asset_selection=set(), asset_check_selection={check}
        ).execute_in_process(instance=instance)
    [found] = done.get_asset_check_evaluations()
    assert found.passed and found.check_name == check.name


def test_a_table_names_what_it_reads(home: Home):
    """The lineage that people see is declared for tables made in Python: it leaves nothing out."""
    models = read_models()
    with open_build(home) as connection:
        traces = Traces(connection)
        undeclared = {
            model.name: missing
            for model in models.values()
            if (missing := (set(traces.inputs(model.name)) & models.keys()) - model.depends_on)
        }
    assert undeclared == {}


def test_nothing_is_made_where_nothing_is_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    use(Home(tmp_path), monkeypatch)
    done = materialize("marts.price_dispersion")
    assert not done.success
    [failure] = [event for event in done.all_events if event.is_step_failure]
    assert "not made yet" in str(failure.step_failure_data.error) or "nothing is built" in str(
        failure.step_failure_data.error
    )

"""The Dagster instance of a data folder: where its state is, and what dagster.yaml sets."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest
import yaml

from pipelines.jobs.instance import (
    STATE_VARIABLE,
    UI_NOTE,
    noted_ui,
    prepare_instance,
    ui_address,
)
from warehouse.paths import DEFAULT_ROOT, PROJECT, Home


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DAGSTER_HOME", STATE_VARIABLE):
        monkeypatch.setenv(name, "")  # restored at the end


def test_a_data_folder_keeps_the_state_inside(tmp_path: Path) -> None:
    assert prepare_instance(Home(tmp_path)) == tmp_path / "dagster"
    assert (tmp_path / "dagster").is_dir()


def test_the_default_data_folder_keeps_the_state_in_the_project() -> None:
    assert prepare_instance(Home(DEFAULT_ROOT)) == PROJECT / ".dagster"


def test_the_instance_captures_no_output_and_names_no_private_module(tmp_path: Path) -> None:
    settings = (PROJECT / "dagster.yaml").read_text(encoding="utf-8")
    modules = [
        section["module"]
        for section in yaml.safe_load(settings).values()
        if isinstance(section, dict) and "module" in section
    ]
    assert modules
    assert not [module for module in modules if "._" in module]
    prepare_instance(Home(tmp_path))
    with dg.DagsterInstance.get() as instance:
        assert type(instance.compute_log_manager).__name__ == "NoOpComputeLogManager"
        assert instance.storage_directory().startswith(str(tmp_path))


def test_other_processes_are_told_where_the_pages_answer_while_they_do(tmp_path: Path) -> None:
    prepare_instance(Home(tmp_path))
    assert ui_address() is None
    with noted_ui(3456):
        assert ui_address() == "http://127.0.0.1:3456"
    assert ui_address() is None


@pytest.mark.parametrize("note", ['{"port": 1, "process": 99999999}', "{", "[]", "null"])
def test_a_note_of_pages_that_are_gone_is_not_believed(tmp_path: Path, note: str) -> None:
    (prepare_instance(Home(tmp_path)) / UI_NOTE).write_text(note)
    assert ui_address() is None

"""What the registry says about tables is what their SQL files and their modules say."""

from __future__ import annotations

import importlib

from pipelines.derive.make import phases
from pipelines.derive.registry import DERIVATIONS, MADE_WHILE_LOADING
from warehouse.models import read_models


def test_sql_files_and_registry_agree_on_who_makes_a_table() -> None:
    documented = {
        model.name: model.made_by
        for model in read_models().values()
        if model.made_by
        and model.made_by.removeprefix("pipelines/derive/").removesuffix(".py") in DERIVATIONS
    }
    registered = {
        table: f"pipelines/derive/{module}.py"
        for module, tables in DERIVATIONS.items()
        for table in tables
    }
    assert registered == documented


def test_every_registered_module_derives() -> None:
    for module in DERIVATIONS:
        assert callable(importlib.import_module(f"pipelines.derive.{module}").derive)


def test_what_is_made_while_loading_has_a_select() -> None:
    assert all(read_models()[table].select for table in MADE_WHILE_LOADING)


def test_every_model_is_in_one_phase() -> None:
    order = phases(read_models())
    assert sorted(model.name for model in order.all) == sorted(read_models())

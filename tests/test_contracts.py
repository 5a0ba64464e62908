"""The import contracts of pyproject.toml hold, each as a test of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from importlinter.api import read_configuration
from importlinter.cli import lint_imports

PROJECT = Path(__file__).parents[1]
CONFIGURATION = str(PROJECT / "pyproject.toml")
CONTRACTS: list[dict[str, Any]] = read_configuration(CONFIGURATION)["contracts_options"]


@pytest.fixture(scope="session")
def graph_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder in which the contracts share the graph of imports."""
    return tmp_path_factory.mktemp("imports")


@pytest.mark.parametrize("contract", [contract["id"] for contract in CONTRACTS])
def test_contract_holds(contract: str, graph_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(PROJECT)
    failed = lint_imports(CONFIGURATION, (contract,), cache_dir=str(graph_cache), no_logo=True)
    assert not failed, "the report above names the imports"


def test_the_layers_name_every_room() -> None:
    named = " ".join(next(one["layers"] for one in CONTRACTS if one["id"] == "layers"))
    rooms = {
        path.parent.name if path.name == "__init__.py" else path.stem
        for path in [*PROJECT.glob("pipelines/*/__init__.py"), *PROJECT.glob("pipelines/*.py")]
    } - {"pipelines", "__init__"}
    assert {room for room in rooms if f"pipelines.{room}" not in named} == set()

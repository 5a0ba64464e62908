"""What a change easily forgets. Each message names the file that needs a line."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from pipelines.cli import COMMANDS
from pipelines.site.theme import FAMILIES
from pipelines.sources import all_sources
from tests.warehouse.test_identity import Printing, identities
from warehouse.reference import load_csv, load_gpus

ROOT = Path(__file__).parents[1]


def test_every_gpu_has_a_price_band() -> None:
    banded = {row["gpu_id"] for row in load_csv("price_bands")}
    known = {gpu.gpu_id for gpu in load_gpus()}
    assert known - banded == set(), "add rows to warehouse/reference/data/price_bands.csv"
    assert banded <= known, "remove rows from warehouse/reference/data/price_bands.csv"


def test_every_architecture_has_a_family_in_charts() -> None:
    unknown = {gpu.architecture for gpu in load_gpus()} - FAMILIES.keys()
    assert unknown == set(), "add them to FAMILIES in pipelines/site/theme.py"


@pytest.mark.parametrize("source_id", all_sources())
def test_every_provider_of_a_source_is_known(source_id: str) -> None:
    known = {row["provider_id"] for row in load_csv("providers")} | {
        row["provider_printed"]
        for row in load_csv("provider_aliases")
        if row["source_id"] in ("any", source_id)
    }
    fixture = ROOT / "tests" / "fixtures" / "sources" / source_id / "expected.json"
    rows = json.loads(fixture.read_text(encoding="utf-8"))
    sellers = {
        row["provider_id"] for row in rows if "gpu_name_printed" in row and "rule" not in row
    }
    assert sellers <= known, "add them to warehouse/reference/data/providers.csv"


def test_every_gpu_that_a_source_is_known_to_print_is_understood() -> None:
    printed: list[Printing] = [
        (source.source_id, name, None, None)
        for source in all_sources().values()
        for name in sorted(source.known_gpus)
    ]
    unknown = [key[:2] for key, (gpu_id, *_) in identities(printed).items() if gpu_id is None]
    assert unknown == [], "add them to warehouse/reference/data/gpu_aliases.csv"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_in_a_document(command: str) -> None:
    documents = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
    named = re.compile(rf"truecost {command}\b")
    assert any(named.search(path.read_text(encoding="utf-8")) for path in documents), (
        "show it in README.md or a page of docs/"
    )


def test_every_formula_in_sql_is_compared_with_its_function() -> None:
    macros = {
        name
        for file in ("formulas", "training")
        for name in re.findall(
            r"\bmacro\s+(\w+)\s*\(",
            (ROOT / "warehouse" / "sql" / "macros" / f"{file}.sql").read_text(encoding="utf-8"),
        )
    }
    tests = " ".join(path.read_text(encoding="utf-8") for path in ROOT.glob("tests/**/test_*.py"))
    assert macros
    assert {name for name in macros if not re.search(rf"\b{name}\b", tests)} == set(), (
        "test each against its function, as in tests/warehouse/test_training_macros.py"
    )

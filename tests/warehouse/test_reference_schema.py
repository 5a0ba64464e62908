"""Facts about the schema of the reference files, which editors use."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from warehouse.reference import REFERENCE_FOLDER
from warehouse.reference.schema import FILES, SCHEMA_FOLDER, json_schemas
from warehouse.reference.schema_check import schema_name, yaml_content

YAML_FILES = sorted(REFERENCE_FOLDER.rglob("*.yaml"))


def schema_of(path: Path) -> Any:
    name = schema_name(str(path.relative_to(REFERENCE_FOLDER)))
    return json.loads((SCHEMA_FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def content_of(path: Path) -> Any:
    return yaml_content(path.read_text(encoding="utf-8"), path.name)


def test_the_written_schemas_are_those_of_the_models() -> None:
    """If not: python -m warehouse.reference.schema."""
    written = {path.name: path.read_text(encoding="utf-8") for path in SCHEMA_FOLDER.iterdir()}
    assert written == json_schemas()
    assert len(written) == len(FILES)


@pytest.mark.parametrize("path", YAML_FILES, ids=lambda path: path.name)
def test_a_file_names_its_schema_and_fits_it(path: Path) -> None:
    first = path.read_text(encoding="utf-8").splitlines()[0]
    named = first.removeprefix("# yaml-language-server: $schema=")
    assert first != named
    found = json.loads((path.parent / named).read_text(encoding="utf-8"))
    assert found == schema_of(path)
    jsonschema.validate(content_of(path), found)


@pytest.mark.parametrize(
    ("key", "leaf"),
    [
        ("memory_bytes", {"value": 1, "unit": "watts", "source": "x"}),
        ("memory_bytes", {"value": "1", "unit": "bytes", "source": "x"}),
        ("memory_bytes", {"value": 1, "unit": "bytes"}),
        ("memory_bytes", {"value": 1, "unit": "bytes", "source": "assumption"}),
        ("memory_bytes", {"value": 1, "unit": "bytes", "source": "x", "word": "y"}),
        ("memory_bytes", 1),
        ("memry_bytes", {"value": 1, "unit": "bytes", "source": "x"}),
        ("released_on", {"value": 2024, "unit": "date", "source": "x"}),
    ],
)
def test_an_editor_refuses_what_the_build_refuses(key: str, leaf: object) -> None:
    path = REFERENCE_FOLDER / "gpus" / "amd.yaml"
    content = content_of(path)
    content["gpus"][0][key] = leaf
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(content, schema_of(path))

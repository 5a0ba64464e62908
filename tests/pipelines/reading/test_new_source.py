"""A new source from the template: its files are there, and nothing that exists is overwritten."""

from __future__ import annotations

import importlib.util
import json

import pytest

from pipelines.reading.new_source import NewSourceError, new_source
from pipelines.sources.base import records
from pipelines.sources.fixtures import fixture_payloads


@pytest.fixture
def checkout(tmp_path):
    """Return an empty checkout."""
    (tmp_path / "tests" / "fixtures" / "sources").mkdir(parents=True)
    return tmp_path


def test_a_new_source_reads_its_fixture(checkout):
    written = new_source("newcloud", checkout)
    assert {path.relative_to(checkout).as_posix() for path in written} == {
        "pipelines/sources/newcloud.py",
        *(f"tests/fixtures/sources/newcloud/{name}.json"
          for name in ("payloads", "instances", "expected")),
    }  # fmt: skip
    spec = importlib.util.spec_from_file_location("newcloud", written[0])
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.SOURCE.source_id == "newcloud"
    [payload] = fixture_payloads(written[1].parent, module.SOURCE)
    [offer] = records(module.SOURCE.parse(payload))
    assert (offer.sku, offer.gpu_count) == ("h100x8", 8)
    assert json.loads(written[3].read_text()) == []  # a person reviews it first


@pytest.mark.parametrize(
    ("name", "said"),
    [("New-Cloud", "is not lower case letters"), ("runpod", "there is a source 'runpod' already")],
)
def test_a_name_that_cannot_be_is_refused(checkout, name, said):
    with pytest.raises(NewSourceError, match=said):
        new_source(name, checkout)


def test_nothing_is_overwritten(checkout):
    module = new_source("newcloud", checkout)[0]
    module.write_text("mine")
    with pytest.raises(NewSourceError, match="exists already"):
        new_source("newcloud", checkout)
    assert module.read_text() == "mine"


def test_a_folder_that_is_no_checkout_is_refused(tmp_path):
    with pytest.raises(NewSourceError, match="is no checkout"):
        new_source("newcloud", tmp_path)

"""Facts about the reference data and the way they are read."""

from datetime import date
from pathlib import Path

import pytest

from warehouse.reference import ReferenceError, load_gpus, reference_rows

SOURCES = """
sources:
  sheet: {title: A datasheet, url: "https://vendor.example/sheet.pdf", retrieved_on: 2026-11-21}
"""
GPU = """
gpus:
  - gpu_id: X1-16GB
    name: X1
    vendor: nvidia
    architecture: none
    released_on: {value: 2024-02-03, unit: date, source: sheet}
    memory_bytes: {value: 16, unit: gigabytes, source: sheet}
    peaks:
      bf16:
        dense: {value: 989.4, unit: teraflops_per_second, source: sheet, note: half of the sparse}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "gpus").mkdir()
    return tmp_path


def write(folder: Path, text: str) -> Path:
    (folder / "gpus" / "x.yaml").write_text(text)
    return folder


def test_figures_leave_in_base_units_with_their_source(folder: Path) -> None:
    (gpu,) = load_gpus(write(folder, SOURCES + GPU))
    assert gpu.memory_bytes == 16_000_000_000
    assert gpu.dense_flops_per_second == {"bf16": 989.4e12}
    assert gpu.released_on == date(2024, 2, 3)
    assert gpu.bandwidth_bytes_per_second is None
    leaf = gpu.leaves["peaks.bf16.dense"]
    assert (leaf.unit, leaf.source_url) == ("flops_per_second", "https://vendor.example/sheet.pdf")
    assert (leaf.retrieved_on, leaf.note) == (date(2026, 11, 21), "half of the sparse")


@pytest.mark.parametrize(
    ("right", "wrong", "says"),
    [
        ("unit: gigabytes, ", "", "memory_bytes: no unit; allowed: bytes"),
        ("unit: gigabytes", "unit: watts", "unit 'watts'; allowed: bytes"),
        ("16, unit: gigabytes, source: sheet", "16, unit: gigabytes", "no source"),
        ("16, unit: gigabytes, source: sheet", "16, unit: gigabytes, source: rumour", "not listed"),
        ("gigabytes, source: sheet", "gigabytes, source: assumption", "needs a note"),
        ("{value: 16, unit: gigabytes, source: sheet}", "16", "bare int"),
        ("value: 16,", "value: 16e9,", "YAML wants a point and a sign"),
        ("value: 16,", "value: true,", "no number"),
        ("value: 16,", "value: .nan,", "not finite"),
        ("memory_bytes:", "memry_bytes:", "unknown ['memry_bytes']"),
        ("bf16:", "bf61:", "peaks.<fp64"),
        ("vendor: nvidia", "", "vendor is missing"),
        ("2024-02-03", "2024", "no date"),
        ("title: A datasheet, ", "", "lacks ['title']"),
        ("source: sheet, note:", "source: sheet, notes:", "not ['notes']"),
    ],
)
def test_a_leaf_without_unit_or_source_is_refused(
    folder: Path, right: str, wrong: str, says: str
) -> None:
    text = SOURCES + GPU
    assert right in text
    with pytest.raises(ReferenceError) as caught:
        load_gpus(write(folder, text.replace(right, wrong)))
    assert says in str(caught.value)
    assert "x.yaml" in str(caught.value)


def test_an_id_cannot_be_there_twice(folder: Path) -> None:
    twice = SOURCES + GPU + GPU.split("gpus:")[1]
    with pytest.raises(ReferenceError, match="'X1-16GB' is there twice"):
        load_gpus(write(folder, twice))


def test_every_leaf_is_in_the_value_table() -> None:
    tables = reference_rows()
    leaves = sum(len(gpu.leaves) for gpu in load_gpus())
    values = tables["meta.reference_value"].to_pylist()
    assert sum(row["subject_kind"] == "gpu" for row in values) == leaves
    assert all(row["unit"] and (row["source_url"] or row["note"]) for row in values)

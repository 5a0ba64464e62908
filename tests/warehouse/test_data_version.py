"""No public column changes without its version, and no version without a line in the changelog."""

from pathlib import Path

import pytest

from warehouse import data_version
from warehouse.data_version import DATA_VERSION, locked, public_columns, write_lock

CHANGELOG = Path(data_version.__file__).parents[1] / "CHANGELOG.md"


def test_the_columns_are_those_of_the_version():
    version, columns = locked()
    now = public_columns()
    changed = {
        name: (columns.get(name), now.get(name))
        for name in columns.keys() | now.keys()
        if columns.get(name) != now.get(name)
    }
    assert changed == {}, "set DATA_VERSION, CHANGELOG.md; then: python -m warehouse.data_version"
    assert version == DATA_VERSION


def test_the_changelog_tells_of_the_version():
    data = CHANGELOG.read_text(encoding="utf-8").partition("## Data")[2].partition("\n## ")[0]
    assert data.split("### ")[1].splitlines()[0] == DATA_VERSION


@pytest.mark.parametrize(
    ("change", "needed"),
    [
        (lambda columns: columns.pop(("core.gpu", "gpu_id")), "2.0.0"),
        (lambda columns: columns.update({("core.gpu", "colour"): "nm"}), "1.1.0"),
        (lambda columns: columns.update({("core.gpu", "memory_bytes"): "GiB"}), "2.0.0"),
    ],
    ids=["removed", "added", "other unit"],
)
def test_a_change_without_a_version_is_refused(monkeypatch, tmp_path, change, needed):
    monkeypatch.setattr(data_version, "LOCK", tmp_path / "columns.csv")
    monkeypatch.setattr(data_version, "DATA_VERSION", "1.0.5")
    write_lock()
    columns = public_columns()
    change(columns)
    monkeypatch.setattr(data_version, "public_columns", lambda: columns)
    with pytest.raises(ValueError, match=f"need {needed} or later"):
        write_lock()
    monkeypatch.setattr(data_version, "DATA_VERSION", needed)
    write_lock()
    assert locked() == (needed, columns)

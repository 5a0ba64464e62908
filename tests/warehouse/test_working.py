"""The list of the working tables of a load is the one that the files show."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import warehouse
from warehouse.working import WORKING_TABLES

PROJECT = Path(warehouse.__file__).parents[1]
FILES = [
    path
    for folder in ("warehouse", "pipelines/derive")
    for pattern in ("*.py", "*.sql")
    for path in (PROJECT / folder).rglob(pattern)
    if path.name != "working.py"
]


def mentions(table: str) -> set[str]:
    """Return the files whose SQL or calls name a table."""
    named = re.compile(rf'(?:from|join|into|in \(select \w+ from) {table}\b|"{table}"')
    return {
        path.relative_to(PROJECT).as_posix()
        for path in FILES
        if named.search(path.read_text(encoding="utf-8"))
    }


@pytest.mark.parametrize("table", WORKING_TABLES)
def test_a_working_table_is_named_by_its_writer_and_readers_only(table: str) -> None:
    declared = WORKING_TABLES[table]
    assert mentions(table) == {declared.writer, *declared.readers}

"""The published file in somebody else's session: attached under a name, in other versions."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from tests.pipelines.commands.conftest import Truecost
from warehouse.citation import citation
from warehouse.data_version import DATA_VERSION
from warehouse.database import POINTER
from warehouse.paths import Home

OTHER = "TRUECOST_OTHER_DUCKDB"
READING = """
import sys

import duckdb

connection = duckdb.connect()
connection.execute("set enable_progress_bar = false")
connection.execute(f"attach '{sys.argv[1]}' as prices (read_only)")
names = connection.execute(
    "select schema_name || '.' || table_name from duckdb_tables() where database_name = 'prices'"
    " union all select schema_name || '.' || view_name from duckdb_views()"
    " where database_name = 'prices' and not internal"
).fetchall()
for (name,) in names:
    connection.execute(f"select * from prices.{name} limit 3").fetchall()
connection.execute("use prices")
[(offers,)] = connection.execute("select count(*) from as_of('2026-08-10')").fetchall()
print(len(names), offers)
"""


@pytest.fixture
def file(answers_home: Home) -> Path:
    return (answers_home.published / POINTER).resolve()


def read_by(python: str, file: Path) -> tuple[int, int]:
    """Return how many tables and views a Python reads, and how many offers of a day."""
    done = subprocess.run(
        [python, "-c", READING, str(file)], capture_output=True, text=True, check=True
    )
    names, offers = map(int, done.stdout.split())
    return names, offers


def test_every_table_and_view_works_under_a_name(file: Path) -> None:
    names, offers = read_by(sys.executable, file)
    assert names > 80 and offers > 1000


@pytest.mark.slow
@pytest.mark.skipif(OTHER not in os.environ, reason=f"{OTHER} names no Python with another DuckDB")
def test_another_duckdb_reads_the_same(file: Path) -> None:
    assert read_by(os.environ[OTHER], file) == read_by(sys.executable, file)


def test_printed_macros_make_the_file_work_without_use(file: Path, ask: Truecost) -> None:
    with duckdb.connect(file, read_only=True) as connection:
        connection.execute("set TimeZone = 'UTC'")
        expected = connection.execute("select count(*) from as_of('2026-08-10')").fetchone()
    printed = ask("macros", "--attached-as", "my prices").stdout
    with duckdb.connect() as connection:
        connection.execute(f"attach '{file}' as \"my prices\" (read_only)")
        connection.execute(printed)
        assert connection.execute("select count(*) from as_of('2026-08-10')").fetchone() == expected
        [(usd,)] = connection.execute(
            "select training_usd(8e9, 1e12, 'H100-SXM-80GB', 0.4)"
        ).fetchall()
        assert usd > 10_000


def test_the_file_says_how_to_cite_it(file: Path) -> None:
    with duckdb.connect(file, read_only=True) as connection:
        [row] = connection.sql("from meta.publication").fetchdf().to_dict("records")
        undocumented = connection.execute(
            "select column_name from duckdb_columns()"
            " where table_name = 'publication' and comment is null"
        ).fetchall()
    assert undocumented == []
    assert row["data_version"] == DATA_VERSION
    assert row["run_id"] in row["citation"] and DATA_VERSION in row["citation"]
    assert row["citation"].startswith(", ".join(citation().authors))
    assert row["licence"] == citation().licence and row["licence_url"].startswith("https://")
    assert row["doi"] is None

"""Every report runs on a published file, and returns the columns that its file documents."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from pipelines.answers.bill_columns import selection
from warehouse.database import open_published
from warehouse.paths import Home
from warehouse.reports import Report, read_reports, report


@pytest.fixture(scope="module")
def published(answers_home: Home) -> Iterator[duckdb.DuckDBPyConnection]:
    """Return a published file with the temporary tables of an empty bill."""
    with open_published(answers_home) as connection:
        connection.execute("create temp table bill_file as select 0")
        connection.execute(f"create temp table bill_named as {selection({})}")
        for table, name in (
            ("bill_text", "bill_text_focus"),
            ("bill_item", "bill_item"),
            ("bill_provider", "bill_provider"),
        ):
            connection.execute(
                f"create temp table {table} as {report(name).select}",
                dict.fromkeys(report(name).parameters, 1),
            )
        empty, none = {"lines": "[]"}, {"prices": "[]"}
        connection.execute(f"create temp table bill_token as {report('bill_token').select}", empty)
        connection.execute(f"create temp table bill_gpu as {report('bill_gpu').select}", empty)
        connection.execute(f"create temp table bill_price as {report('bill_price').select}", none)
        yield connection


@pytest.mark.parametrize("asked", read_reports().values(), ids=lambda asked: asked.name)
def test_the_columns_of_a_report_are_those_it_documents(
    published: duckdb.DuckDBPyConnection, asked: Report
) -> None:
    described = published.execute(f"describe {asked.select}", dict.fromkeys(asked.parameters))
    assert [row[0] for row in described.fetchall()] == [column.name for column in asked.columns]

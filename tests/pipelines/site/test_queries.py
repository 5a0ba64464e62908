"""The queries of the site: their headers, and how they meet an older published file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
import sqlglot
from sqlglot import exp

from pipelines.site import query
from pipelines.site.published import Published
from pipelines.site.query import QueryError, query_names, read_query
from warehouse.database import SCHEMA_VERSION, open_published
from warehouse.paths import Home

VALUES: dict[str, Any] = {
    "gpu_id": "H100-SXM-80GB",
    "gpu_ids": ["H100-SXM-80GB", "L4-24GB"],
    "provider_id": "alpha",
    "model_id": "llama-3.1-70b",
    "level": "interactive",
    "workload": "chat",
    "method": "amortized",
    "basis": "clean",
}
OFFERS = "select offer_key, usd_per_gpu_hour from marts.offers_latest"


@pytest.fixture(scope="module")
def published(small_home: Home) -> Iterator[Published]:
    with open_published(small_home) as connection:
        yield Published(connection)


@pytest.fixture
def file() -> Iterator[Published]:
    """Yield a published file of one table, of the schema version of this truecost."""
    with duckdb.connect() as connection:
        connection.execute(
            "create schema marts; create schema meta;"
            "create table marts.offers_latest (offer_key varchar, usd_per_gpu_hour double);"
            "create table meta.run (run_id varchar);"
            f"create table meta.schema_version as select {SCHEMA_VERSION} as version"
        )
        yield Published(connection)


@pytest.mark.parametrize("name", query_names())
def test_a_query_is_one_select_with_the_columns_that_it_documents(
    name: str, published: Published
) -> None:
    asked = read_query(name)
    [statement] = sqlglot.parse(asked.select, read="duckdb")
    assert isinstance(statement, exp.Select)
    sql = asked.sql(**{name: VALUES[name] for name in asked.parameters})
    assert tuple(c[0] for c in published.connection.execute(sql).description) == asked.columns


def test_every_query_is_asked_by_a_page() -> None:
    pages = [path.read_text() for path in query.FOLDER.parent.rglob("*.py")]
    assert [name for name in query_names() if not any(f'"{name}"' in page for page in pages)] == []


def test_values_are_checked_against_the_parameters() -> None:
    with pytest.raises(QueryError, match=r"gpu/offers: needs values for \['gpu_id'\], got \[\]"):
        read_query("gpu/offers").sql()
    with pytest.raises(QueryError, match="'gpu'"):
        read_query("gpu/offers").sql(gpu="L4-24GB")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("-- One row per day.\n-- a | one\nselect $day as a", r"declares \[\] and uses \['day'\]"),
        ("-- One row per day.\n-- parameter: day | it\n-- a | one\nselect 1 as a", "and uses"),
    ],
)
def test_a_file_declares_the_parameters_that_it_uses(
    text: str, message: str, tmp_path: Path
) -> None:
    (tmp_path / "bad.sql").write_text(text)
    with pytest.raises(QueryError, match=message):
        read_query("bad", tmp_path)


@pytest.mark.parametrize(
    "typo",
    [
        "select usd_per_gpu_huor from marts.offers_latest",
        "select o.usd_per_gpu_huor from marts.offers_latest as o",
        "select offer_key from marts.offers_lastest",
        "select run_identity from meta.run",
        "select run_id from meta.runs",
    ],
)
def test_a_name_that_nothing_documents_is_an_error(file: Published, typo: str) -> None:
    with pytest.raises((duckdb.CatalogException, duckdb.BinderException)):
        file.run(typo)


@pytest.mark.parametrize(
    ("change", "sql", "reason"),
    [
        ("alter table marts.offers_latest drop usd_per_gpu_hour",
         OFFERS, "column usd_per_gpu_hour"),
        ("alter table marts.offers_latest drop usd_per_gpu_hour",
         "select o.usd_per_gpu_hour from marts.offers_latest as o", "column usd_per_gpu_hour"),
        ("drop table marts.offers_latest", OFFERS, "table offers_latest"),
        (f"update meta.schema_version set version = {SCHEMA_VERSION - 1}",
         "select code_version from meta.run", "column code_version"),
        (f"update meta.schema_version set version = {SCHEMA_VERSION - 1}",
         "select capture_id from meta.capture", "table capture"),
    ],
)  # fmt: skip
def test_what_an_older_file_lacks_is_an_empty_answer_with_its_reason(
    file: Published, change: str, sql: str, reason: str
) -> None:
    file.connection.execute(change)
    answer = file.run(sql)
    assert answer.rows == []
    assert answer.reason == f"the published file has no {reason} yet"


def test_a_typo_in_an_older_file_is_still_an_error(file: Published) -> None:
    file.connection.execute("alter table marts.offers_latest drop usd_per_gpu_hour")
    with pytest.raises(duckdb.BinderException):
        file.run("select offer_kay from marts.offers_latest")


@pytest.mark.parametrize("name", ["changes", "offers", "market", "history", "peaks", "same_offers"])
def test_one_query_for_all_values_gives_what_each_alone_gives(
    published: Published, name: str
) -> None:
    each = published.ask_each(f"gpu/{name}", "gpu_id")
    for gpu_id in ("H100-SXM-80GB", "none"):
        assert each(gpu_id) == published.ask(f"gpu/{name}", gpu_id=gpu_id)
    assert published.ask_each(f"gpu/{name}", "gpu_id") is each

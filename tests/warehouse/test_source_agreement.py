"""Facts about the record of a source against a better one."""

from __future__ import annotations

from typing import Any

import duckdb
import pytest

from pipelines.derive.load import declared_sources
from pipelines.sources import all_sources
from warehouse.models import SQL_FOLDER, read_model

MODEL = read_model(SQL_FOLDER / "marts" / "source_agreement.sql")
RANKS = {"list": 4, "catalogue": 5}


def records(prices: dict[str, list[float]], **fields: Any) -> list[tuple[Any, ...]]:
    """Return source, compared, contradicting and whether it only witnesses, on prices by source."""
    connection = duckdb.connect()
    connection.execute(
        "create schema core; create schema meta; create schema marts;"
        "create table meta.source (source_id varchar, kind_rank integer);"
        "create table core.offer_open (source_id varchar, provider_id varchar, gpu_id varchar,"
        " gpu_count integer, region varchar, purchase_model varchar, commitment_months integer,"
        " market_tier varchar, usd_per_gpu_hour double)"
    )
    connection.executemany("insert into meta.source values (?, ?)", list(RANKS.items()))
    offer = {
        "provider_id": "acme", "gpu_id": "H100-SXM-80GB", "gpu_count": 8, "region": None,
        "purchase_model": "on_demand", "commitment_months": None, "market_tier": "hyperscaler",
    } | fields  # fmt: skip
    for source_id, amounts in prices.items():
        for number, usd in enumerate(amounts):
            row = {"source_id": source_id, **offer, "region": f"r{number}", "usd": usd}
            connection.execute(
                "insert into core.offer_open values (?, ?, ?, ?, ?, ?, ?, ?, ?)", [*row.values()]
            )
    assert MODEL.select is not None
    connection.execute(f"create table marts.source_agreement as {MODEL.select}")
    for check in MODEL.checks:
        assert (
            connection.sql(check.sql.replace("{this}", "marts.source_agreement")).fetchall() == []
        )
    found = connection.sql("from marts.source_agreement")
    assert found.columns == [column.name for column in MODEL.columns]
    return connection.sql(
        "select source_id, compared_count, contradicting_count, is_witness_only"
        " from marts.source_agreement"
    ).fetchall()


TRUE = [10.0 + n for n in range(10)]


@pytest.mark.parametrize(("wrong", "is_witness_only"), [(1, False), (2, True), (10, True)])
def test_a_catalogue_of_which_a_fifth_contradicts_the_list_only_witnesses(
    wrong: int, is_witness_only: bool
) -> None:
    off = [price * (0.5 if n < wrong else 1.04) for n, price in enumerate(TRUE)]
    assert records({"list": TRUE, "catalogue": off}) == [("catalogue", 10, wrong, is_witness_only)]


def test_too_few_things_or_spot_prices_condemn_nobody() -> None:
    off = [price / 2 for price in TRUE]
    assert records({"list": TRUE[:9], "catalogue": off})[0][-1] is False
    assert records({"list": TRUE, "catalogue": off}, purchase_model="spot")[0][-1] is False


def test_machines_of_a_marketplace_are_not_compared() -> None:
    assert records({"list": TRUE, "catalogue": TRUE}, market_tier="marketplace_secure") == []


def test_a_copy_of_a_price_list_ranks_before_feeds_and_behind_the_first_party() -> None:
    sources = declared_sources(all_sources().values()).to_pylist()
    ranks = {source["source_id"]: source["kind_rank"] for source in sources}
    assert ranks["azure"] < ranks["gcp_pricing_yml"] < ranks["anycloud_catalog"]

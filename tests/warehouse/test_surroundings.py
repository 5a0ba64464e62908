"""What stands beside a price: availability, the network of a machine, the price of data."""

from __future__ import annotations

from typing import Any

import duckdb
import pytest

from pipelines.answers.offers import OffersAsked, would_leave
from pipelines.site.query import read_query
from pipelines.sources.instance_types import instance_type
from warehouse.models import SQL_FOLDER, read_model
from warehouse.reference import bundled
from warehouse.reference.surroundings import data_prices, node_networks
from warehouse.reports import run_report

LATEST = read_model(SQL_FOLDER / "marts" / "offers_latest.sql")
ASKED = dict.fromkeys(
    ("gpu_count", "purchase_model", "commitment_months", "provider_id", "area"), None
)


def published(*offers: dict[str, Any]) -> duckdb.DuckDBPyConnection:
    """Return a connection with offers standing, as the report reads them."""
    connection = duckdb.connect()
    connection.execute("create schema marts")
    columns = ", ".join(f"null as {column.name}" for column in LATEST.columns)
    connection.execute(f"create table marts.offers_latest as select {columns} limit 0")
    for name, kind in (
        ("gpu_id", "varchar"), ("provider_id", "varchar"), ("sku", "varchar"),
        ("usd_per_gpu_hour", "double"), ("is_available", "boolean"), ("is_stale", "boolean"),
        ("is_witness", "boolean"), ("payload_sha256", "varchar"), ("age_hours", "double"),
        ("purchase_model", "varchar"), ("region", "varchar"), ("gpu_count", "bigint"),
        ("market_family", "varchar"),
    ):  # fmt: skip
        connection.execute(f"alter table marts.offers_latest alter {name} type {kind}")
    for offer in offers:
        row = {
            "gpu_id": "G", "is_stale": False, "is_witness": False, "payload_sha256": "0" * 64,
            "purchase_model": "on_demand", "gpu_count": 8, "age_hours": 1.0, "sku": "s", **offer,
        }  # fmt: skip
        marks = ", ".join("?" for _ in row)
        connection.execute(
            f"insert into marts.offers_latest ({', '.join(row)}) values ({marks})",
            list(row.values()),
        )
    return connection


SOLD_OUT = {"provider_id": "cheap", "usd_per_gpu_hour": 1.0, "is_available": False}
NOT_SAID = {"provider_id": "middle", "usd_per_gpu_hour": 2.0, "is_available": None}
IN_STOCK = {"provider_id": "dear", "usd_per_gpu_hour": 3.0, "is_available": True}


def test_what_is_sold_out_heads_no_answer() -> None:
    connection = published(SOLD_OUT, IN_STOCK, NOT_SAID)
    found = run_report(
        connection, "offers", gpu_id="G", with_witnesses=False, include_stale=False,
        row_limit=9, **ASKED,
    )  # fmt: skip
    at = found.columns.index("provider_id")
    assert [row[at] for row in found.rows] == ["middle", "dear", "cheap"]


def test_what_is_sold_out_is_no_headline() -> None:
    found = run_report(published(SOLD_OUT, IN_STOCK), "headline_offers", gpu_ids=["G"])
    assert [row[2] for row in found.rows] == ["dear"]
    assert run_report(published(SOLD_OUT), "headline_offers", gpu_ids=["G"]).rows == []


def test_what_is_stale_is_no_headline() -> None:
    stale = {"provider_id": "old", "usd_per_gpu_hour": 0.5, "is_available": None, "is_stale": True}
    found = run_report(published(stale, IN_STOCK), "headline_offers", gpu_ids=["G"])
    assert [row[2] for row in found.rows] == ["dear"]
    assert run_report(published(stale), "headline_offers", gpu_ids=["G"]).rows == []


def test_a_stale_offer_shows_on_the_market_page_only_beside_no_fresh_one_of_its_provider() -> None:
    old, new = ({"provider_id": "both", "usd_per_gpu_hour": usd} for usd in (0.5, 2.0))
    gone = {"provider_id": "gone", "usd_per_gpu_hour": 1.0, "is_stale": True, "age_hours": 99.0}
    connection = published(old | {"is_stale": True}, new, gone)
    connection.execute("create schema core")
    connection.execute("create table core.provider (provider_id varchar, name varchar)")
    query = read_query("market/cheapest").sql(gpu_ids=["G"])
    found = connection.sql(query).project("provider_id, usd_per_gpu_hour").order("1").fetchall()
    assert found == [("both", 2.0), ("gone", 1.0)]


@pytest.mark.parametrize(
    ("is_available", "source_kind", "availability"),
    [
        (True, "feed", "in_stock"),
        (False, "api", "sold_out"),
        (None, "api", "on_sale"),
        (None, "page", "on_sale"),
        (None, "feed", "unknown"),
        (None, "marketplace", "unknown"),
    ],
)
def test_availability_says_what_is_known(
    is_available: bool | None, source_kind: str, availability: str
) -> None:
    start = LATEST.select.index("case\n        when s.is_available")
    case = LATEST.select[start : LATEST.select.index("as availability")]
    row = duckdb.execute(
        f"select {case} from (select ?::boolean as is_available, ? as source_kind) as s",
        [is_available, source_kind],
    ).fetchone()
    assert row == (availability,)


def test_every_machine_with_a_network_is_one_and_stands_once() -> None:
    networks = node_networks(bundled())
    assert len({(row.provider_id, row.sku) for row in networks}) == len(networks) > 5
    for row in networks:
        if row.provider_id in ("aws", "azure", "gcp") and not row.sku.startswith("trn"):
            known = instance_type(row.provider_id, row.sku)
            assert known is not None and known.is_whole, row.sku
        assert 10**10 <= row.network_bits_per_second <= 10**13, row.sku
        assert row.source_url.startswith("https://")


def test_a_price_of_data_is_of_one_place_or_of_all() -> None:
    prices = data_prices(bundled())
    keys = [(row.provider_id, row.area) for row in prices]
    assert len(set(keys)) == len(keys) > 5
    everywhere = {provider for provider, area in keys if area == "any"}
    assert not everywhere & {provider for provider, area in keys if area != "any"}
    for row in prices:
        for usd in (row.egress_usd_per_gigabyte, row.storage_usd_per_gigabyte_month):
            assert usd is None or 0 <= usd < 1


def test_filters_that_leave_nothing_say_which_of_them_and_what_is_there_without_it() -> None:
    here = {"region": "here", "purchase_model": "spot", "usd_per_gpu_hour": 1.0}
    two, eight = (here | {"gpu_count": count, "provider_id": f"of-{count}"} for count in (2, 8))
    connection = published(two, eight)
    asked = OffersAsked("G", gpu_count=3, purchase_model="spot")
    assert would_leave(connection, asked) == "Nothing is left: without -n 3 there are 2 (2, 8)."
    crossed = OffersAsked("G", gpu_count=8, provider_id="of-2")
    assert would_leave(connection, crossed) == (
        "Nothing is left: without -n 8 there are 1 (2); without --provider of-2 there are 1 (of-8)."
    )
    neither = OffersAsked("G", gpu_count=3, purchase_model="reserved")
    assert would_leave(connection, neither) == "There are: 2 spot with 2, 8 GPUs (0 stale)"

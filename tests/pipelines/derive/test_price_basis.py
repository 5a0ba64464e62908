"""The price behind derived costs: one basis a ranking, and sets that somebody offers."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cost_engine.asks import SpreadPrior, price_now
from cost_engine.serving.calibration import cost_interval
from pipelines.derive.gpu_price_now import dispersions, joined_markets
from pipelines.derive.price_basis import DEFAULT_BASIS, PriceBasis, basis_prices, given_price
from warehouse.macros import run_formulas
from warehouse.models import read_models

DAY = date(2026, 11, 2)
SEEN = datetime.fromisoformat("2026-11-01")
TABLES = """
create schema marts; create schema core;
create table core.gpu (
    gpu_id varchar, gpu_class varchar, form_factor varchar, scale_up_gpu_count integer
);
insert into core.gpu values
    ('H100-SXM-80GB', 'data_center', 'SXM', 8), ('L40S-48GB', 'data_center', 'PCIe', 1),
    ('RTX4090-24GB', 'consumer', 'PCIe', 1), ('GB200-186GB', 'data_center', 'superchip', 72);
create table marts.gpu_price_now (
    gpu_id varchar, gpu_class varchar, purchase_model varchar, commitment_months integer,
    market_family varchar, reference_region varchar, middle_usd_per_gpu_hour double,
    ask_low_usd_per_gpu_hour double, ask_high_usd_per_gpu_hour double, provider_count integer,
    oldest_seen_at timestamp, day date
);
create table marts.provider_price_now (
    provider_id varchar, gpu_id varchar, purchase_model varchar, commitment_months integer,
    market_family varchar, reference_region varchar, usd_per_gpu_hour double,
    oldest_seen_at timestamp
);
create table marts.offers_latest (
    offer_key varchar, provider_id varchar, region varchar, country varchar, area varchar,
    gpu_id varchar, gpu_count integer, price_basis varchar, interconnect varchar,
    node_link varchar, purchase_model varchar, commitment_months integer, market_family varchar,
    usd_per_gpu_hour double, is_stale boolean, is_witness boolean, is_available boolean,
    seen_at timestamp, homepage_url varchar, source_url varchar
);
"""


@pytest.fixture
def connection() -> duckdb.DuckDBPyConnection:
    made = duckdb.connect()
    made.execute(TABLES)
    run_formulas(made)
    made.execute(
        f"create view marts.gpu_set_offer as {read_models()['marts.gpu_set_offer'].select}"
    )
    return made


def insert(connection: duckdb.DuckDBPyConnection, table: str, **row: Any) -> None:
    connection.execute(
        f"insert into {table} ({', '.join(row)}) values ({', '.join('?' for _ in row)})",
        list(row.values()),
    )


def price(connection: duckdb.DuckDBPyConnection, gpu_id: str, usd: float, **more: Any) -> None:
    base = {
        "gpu_class": "consumer" if gpu_id.startswith("RTX") else "data_center",
        "purchase_model": "on_demand",
        "market_family": "neocloud",
        "reference_region": "us",
        "provider_count": 3,
        "oldest_seen_at": SEEN,
        "day": DAY,
    }
    insert(
        connection, "marts.gpu_price_now", gpu_id=gpu_id, middle_usd_per_gpu_hour=usd,
        ask_low_usd_per_gpu_hour=usd / 2, ask_high_usd_per_gpu_hour=usd * 2, **(base | more),
    )  # fmt: skip


def offer(connection: duckdb.DuckDBPyConnection, **more: Any) -> None:
    base = {
        "offer_key": "k",
        "provider_id": "a",
        "country": "US",
        "gpu_id": "H100-SXM-80GB",
        "gpu_count": 8,
        "price_basis": "instance",
        "purchase_model": "on_demand",
        "market_family": "neocloud",
        "usd_per_gpu_hour": 3.0,
        "is_stale": False,
        "is_witness": False,
        "seen_at": SEEN,
    }
    insert(connection, "marts.offers_latest", **(base | more))


def sizes(connection: duckdb.DuckDBPyConnection) -> list[int]:
    rows = connection.execute("select gpu_count from marts.gpu_set_offer order by 1").fetchall()
    return [size for (size,) in rows]


def test_a_gpu_without_a_price_on_the_basis_says_whose_price_it_has(connection):
    price(connection, "H100-SXM-80GB", 3.0)
    price(connection, "H100-SXM-80GB", 1.0, market_family="marketplace", provider_count=9)
    price(connection, "RTX4090-24GB", 0.4, market_family="marketplace", provider_count=4)
    found = basis_prices(connection)
    assert found["H100-SXM-80GB"].usd_per_gpu_hour == 3.0
    assert found["H100-SXM-80GB"].is_ranked(DEFAULT_BASIS)
    card = found["RTX4090-24GB"]
    assert (card.market_family, card.is_on_basis) == ("marketplace", False)
    assert not card.is_ranked(DEFAULT_BASIS)
    assert "marketplaces, US: 4 providers, seen 2026-11-01" in card.source


def test_a_market_that_was_asked_for_is_never_filled_from_another(connection):
    price(connection, "H100-SXM-80GB", 3.0)
    price(connection, "RTX4090-24GB", 0.4, market_family="marketplace")
    asked = PriceBasis(market_family="marketplace", is_asked=True)
    assert list(basis_prices(connection, asked)) == ["RTX4090-24GB"]
    assert basis_prices(connection, PriceBasis(is_data_center_only=True)).keys() == {
        "H100-SXM-80GB"
    }


def test_all_markets_together_stand_in_for_nobody(connection):
    price(connection, "H100-SXM-80GB", 3.0, market_family="all", provider_count=20)
    assert basis_prices(connection) == {}
    together = basis_prices(connection, PriceBasis(market_family="all"))
    assert together["H100-SXM-80GB"].usd_per_gpu_hour == 3.0


def test_fewer_providers_than_asked_for_are_not_ranked(connection):
    price(connection, "H100-SXM-80GB", 3.0, provider_count=2)
    found = basis_prices(connection)["H100-SXM-80GB"]
    assert not found.is_ranked(DEFAULT_BASIS)
    assert found.is_ranked(PriceBasis(min_providers=2))


def test_the_price_of_one_provider_is_its_list_price_without_a_spread(connection):
    insert(
        connection, "marts.provider_price_now", provider_id="x", gpu_id="H100-SXM-80GB",
        purchase_model="on_demand", market_family="neocloud", reference_region="us",
        usd_per_gpu_hour=2.5, oldest_seen_at=SEEN,
    )  # fmt: skip
    price(connection, "H100-SXM-80GB", 3.0)
    offer(connection, provider_id="x", usd_per_gpu_hour=2.5)
    offer(connection, provider_id="y", usd_per_gpu_hour=1.0, gpu_count=4)
    found = basis_prices(connection, PriceBasis(provider_id="x", is_asked=True))["H100-SXM-80GB"]
    assert (found.low, found.usd_per_gpu_hour, found.high) == (2.5, 2.5, 2.5)
    assert found.is_ranked(DEFAULT_BASIS)
    assert {size: one.provider_id for size, one in (found.sets or {}).items()} == {8: "x", 16: "x"}


def test_a_price_that_was_given_holds_for_any_set():
    found = given_price("H100-SXM-80GB", 2.0, DAY)
    assert found.sets is None
    assert found.source == "given"
    assert found.is_ranked(DEFAULT_BASIS)


@pytest.mark.parametrize(
    ("offered", "expected"),
    [
        ({"gpu_count": 8}, [8, 16]),  # a whole node, or two
        ({"gpu_count": 4}, [4]),
        ({"gpu_count": 1}, [1]),  # a machine of one GPU is no half of a set of two
        ({"gpu_count": 1, "price_basis": "gpu"}, [1, 2, 4, 8]),  # modules on a joined board
        ({"gpu_count": 1, "price_basis": "gpu", "gpu_id": "L40S-48GB"}, [1]),  # cards are not
        ({"gpu_count": 4, "gpu_id": "RTX4090-24GB", "market_family": "marketplace"}, [4]),
        ({"gpu_count": 8, "market_family": "marketplace"}, [8]),  # that machine is there once
        ({"gpu_count": 4, "gpu_id": "GB200-186GB"}, [4, 8, 16]),  # trays of one NVLink domain
        ({"gpu_count": 3}, []),
        ({"is_stale": True}, []),
        ({"is_witness": True}, []),
        ({"is_available": False}, []),
        ({"country": "ZA", "area": "africa"}, []),
    ],
)
def test_a_set_is_whole_nodes_or_joined_gpus_of_one_provider(connection, offered, expected):
    offer(connection, **offered)
    assert sizes(connection) == expected


def test_two_providers_with_half_a_set_each_do_not_offer_it(connection):
    offer(connection, gpu_count=4, provider_id="a")
    offer(connection, gpu_count=4, provider_id="b")
    assert sizes(connection) == [4, 4]


@pytest.mark.parametrize(
    ("country", "area", "expected"),
    [
        (None, None, "us"),
        ("US", "north_america", "us"),
        ("DE", "europe", "europe"),
        ("JP", "asia", "asia"),
        ("CA", "north_america", None),
        ("ZA", "africa", None),
    ],
)
def test_the_part_of_the_world_of_an_offer(connection, country, area, expected):
    found = connection.execute("select reference_region_of(?, ?)", [country, area]).fetchall()
    assert found == [(expected,)]


def test_all_markets_give_a_provider_of_two_families_one_vote():
    base = {
        "gpu_id": "g", "purchase_model": "on_demand", "commitment_months": None,
        "reference_region": "us", "oldest_seen_at": SEEN, "age_days": 1.0,
    }  # fmt: skip
    rows = [
        base | {"provider_id": "x", "market_family": "neocloud", "usd_per_gpu_hour": 2.0},
        base | {"provider_id": "x", "market_family": "marketplace", "usd_per_gpu_hour": 1.0},
        base | {"provider_id": "y", "market_family": "hyperscaler", "usd_per_gpu_hour": 9.0},
    ]
    found = {row["provider_id"]: row["usd_per_gpu_hour"] for row in joined_markets(rows)}
    assert found == {"x": 1.5, "y": 9.0}


@given(
    st.lists(st.lists(st.floats(0.05, 50), min_size=1, max_size=6), min_size=1, max_size=8),
    st.sampled_from(["on_demand", "spot"]),
    st.sampled_from(["neocloud", "marketplace"]),
    st.floats(0, 0.5),
)
def test_fewer_than_three_providers_are_never_told_as_more_certain_than_three(
    gpus, purchase_model, family, error
):
    """Of one class, contract and family, whatever their prices, through to the cost of tokens."""
    base = {"gpu_class": "data_center", "purchase_model": purchase_model, "age_days": 0.0}
    cells = [
        [{**base, "gpu_id": n, "market_family": family, "usd_per_gpu_hour": usd} for usd in prices]
        for n, prices in enumerate(gpus)
    ]
    per_day = {"neocloud": 0.0001, "marketplace": 0.0002}
    known = dispersions(cells, per_day, SpreadPrior(10.0, 0.13))
    widths = {True: [0.0], False: [float("inf")]}
    for prices in gpus:
        group = known["data_center", purchase_model, family]
        now = price_now(
            prices, [0.0] * len(prices), group.spread, 0.0, group.smallest_half_width_log
        )
        low, high = cost_interval(1.0, now.middle_usd_per_gpu_hour, *now.ask, error)
        widths[len(prices) >= 3].append(float(high / low))
    assert min(widths[False]) >= max(widths[True]) * (1 - 1e-9)


@pytest.mark.parametrize(
    ("offer", "is_joined"),
    [
        ("1, 'gpu', 'SXM', null, null", True),
        ("1, 'gpu', 'OAM', null, null", True),
        ("1, 'gpu', 'PCIe', null, null", False),
        ("1, 'gpu', 'PCIe', 'NVLink', null", True),
        ("1, 'gpu', 'PCIe', null, 'InfiniBand'", True),
        ("1, 'gpu', null, null, null", False),
        ("1, 'instance', 'SXM', null, null", False),
        ("8, 'instance', 'SXM', null, null", False),
    ],
)
def test_single_gpus_are_sold_joined_where_boards_or_the_source_join_them(
    connection: duckdb.DuckDBPyConnection, offer: str, is_joined: bool
) -> None:
    assert connection.execute(f"select is_sold_joined({offer})").fetchall() == [(is_joined,)]

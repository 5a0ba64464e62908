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
from warehouse.macros import read_macros, run_formulas
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

SIZES = [1, 2, 4, 8, 16, 32, 64, 72, 128, 256, 512, 1024]


@pytest.fixture
def connection() -> duckdb.DuckDBPyConnection:
    made = duckdb.connect()
    made.execute(TABLES)
    run_formulas(made)
    made.execute(
        f"create view marts.gpu_set_offer as {read_models()['marts.gpu_set_offer'].select}"
    )
    return made


def run_macro(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    [macro] = [each for each in read_macros() if each.name == name]
    connection.execute(macro.statement)


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
    assert {size: one.provider_id for size, one in (found.sets or {}).items()} == dict.fromkeys(
        SIZES[3:], "x"
    )


def test_a_price_that_was_given_holds_for_any_set():
    found = given_price("H100-SXM-80GB", 2.0, DAY)
    assert found.sets is None
    assert found.source == "given"
    assert found.is_ranked(DEFAULT_BASIS)


@pytest.mark.parametrize(
    ("offered", "expected"),
    [
        ({"gpu_count": 8}, SIZES[3:]),  # whole nodes
        ({"gpu_count": 4}, [4]),
        ({"gpu_count": 1}, [1]),  # a machine of one GPU is no half of a set of two
        ({"gpu_count": 1, "price_basis": "gpu"}, SIZES),  # modules on a joined board
        ({"gpu_count": 1, "price_basis": "gpu", "gpu_id": "L40S-48GB"}, [1]),  # cards are not
        ({"gpu_count": 4, "gpu_id": "RTX4090-24GB", "market_family": "marketplace"}, [4]),
        ({"gpu_count": 8, "market_family": "marketplace"}, [8]),  # that machine is there once
        (
            {"gpu_count": 4, "gpu_id": "GB200-186GB"},
            [4, 8, 16, 32, 64, 72],
        ),  # trays of one NVLink domain
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
    ("offered", "is_joined"),
    [
        ({"form_factor": "SXM"}, True),
        ({"form_factor": "OAM"}, True),
        ({"form_factor": "PCIe"}, False),
        ({"form_factor": "PCIe", "interconnect": "NVLink"}, True),
        ({"form_factor": "PCIe", "node_link": "InfiniBand"}, True),
        ({}, False),
        ({"price_basis": "instance", "form_factor": "SXM"}, False),
        ({"market_family": "marketplace", "form_factor": "SXM"}, False),
        ({"gpu_count": 8, "price_basis": "instance"}, True),
        ({"gpu_count": 16, "price_basis": "instance"}, False),  # 24 are no whole number of it
        ({"gpu_count": 4, "price_basis": "instance", "scale_up_gpu_count": 8}, False),
        ({"gpu_count": 4, "price_basis": "instance", "scale_up_gpu_count": 72}, True),
    ],
)
def test_twenty_four_gpus_are_whole_nodes_or_single_ones_that_are_joined(
    connection: duckdb.DuckDBPyConnection, offered: dict[str, Any], is_joined: bool
) -> None:
    given = {
        "set_gpu_count": 24, "gpu_count": 1, "price_basis": "gpu", "market_family": "neocloud",
        "form_factor": None, "scale_up_gpu_count": None, "interconnect": None, "node_link": None,
    } | offered  # fmt: skip
    asked = f"select is_set_of({', '.join(f'${name}' for name in given)})"
    assert connection.execute(asked, given).fetchall() == [(is_joined,)]


def test_cheapest_gives_each_provider_of_a_set_of_any_size_once(connection):
    run_macro(connection, "cheapest")
    offer(connection, provider_id="node", usd_per_gpu_hour=3.0)
    offer(connection, provider_id="node", usd_per_gpu_hour=2.5, region="elsewhere")
    offer(connection, provider_id="gpu", usd_per_gpu_hour=2.0, gpu_count=1, price_basis="gpu")
    offer(connection, provider_id="small", usd_per_gpu_hour=1.0, gpu_count=4)
    offer(connection, provider_id="old", usd_per_gpu_hour=1.0, is_stale=True)
    offer(connection, provider_id="spot", usd_per_gpu_hour=1.0, purchase_model="spot")
    asked = "select provider_id, usd_per_gpu_hour, usd_per_hour from cheapest($gpu, $count)"
    found = connection.execute(asked, {"gpu": "H100-SXM-80GB", "count": 24}).fetchall()
    assert found == [("gpu", 2.0, 48.0), ("node", 2.5, 60.0)]
    assert len(connection.execute(asked, {"gpu": "H100-SXM-80GB", "count": 12}).fetchall()) == 1

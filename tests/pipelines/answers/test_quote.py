"""Quotes: whole instances, whole commitments, and no set that nobody offers."""

from __future__ import annotations

from typing import Any

import duckdb
import pytest

from cost_engine.units import HOURS_PER_MONTH
from pipelines.answers.quote import QuoteAsked, for_people, quote
from warehouse.macros import run_formulas

COLUMNS = """
create schema core; create schema marts;
create table core.gpu as
    select 'H100-SXM-80GB' as gpu_id, 'SXM' as form_factor, 8 as scale_up_gpu_count;
create table marts.offers_latest (
    provider_id varchar, gpu_id varchar, gpu_count integer, price_basis varchar,
    purchase_model varchar, commitment_months integer, usd_per_gpu_hour double, sku varchar,
    region varchar, area varchar, is_available boolean, is_stale boolean, is_witness boolean,
    seen_at timestamp, age_hours double, source_id varchar, source_url varchar,
    homepage_url varchar, market_family varchar, interconnect varchar, node_link varchar
);
"""


def quoted(offers: list[dict[str, Any]], **asked: Any) -> list[dict[str, Any]]:
    connection = duckdb.connect()
    connection.execute(COLUMNS)
    run_formulas(connection)
    base = {
        "gpu_id": "H100-SXM-80GB",
        "gpu_count": 8,
        "price_basis": "instance",
        "purchase_model": "on_demand",
        "is_stale": False,
        "is_witness": False,
        "market_family": "neocloud",
    }
    for offer in offers:
        row = base | offer
        connection.execute(
            f"insert into marts.offers_latest ({', '.join(row)}) values"
            f" ({', '.join('?' for _ in row)})",
            list(row.values()),
        )
    wanted = {"gpu_id": "H100-SXM-80GB", "gpu_count": 64, "months_wanted": 3.0} | asked
    found = quote(connection, QuoteAsked(**wanted))
    assert set(for_people(found).columns) <= set(found.columns)
    return [dict(zip(found.columns, row, strict=True)) for row in found.rows]


def test_providers_come_cheapest_first_and_once() -> None:
    found = quoted(
        [
            {"provider_id": "a", "usd_per_gpu_hour": 3.0},
            {"provider_id": "a", "usd_per_gpu_hour": 2.5, "region": "x"},
            {"provider_id": "b", "usd_per_gpu_hour": 2.0},
        ]
    )
    assert [(row["provider_id"], row["usd_per_gpu_hour"]) for row in found] == [
        ("b", 2.0),
        ("a", 2.5),
    ]
    assert found[0]["usd_total"] == pytest.approx(64 * 2.0 * 3 * HOURS_PER_MONTH)
    assert found[0]["usd_per_month"] == pytest.approx(64 * 2.0 * HOURS_PER_MONTH)


def test_whole_instances_are_taken_and_a_price_by_the_gpu_sells_any_number() -> None:
    node = {"provider_id": "node", "usd_per_gpu_hour": 2.0}
    by_gpu = {"provider_id": "gpu", "usd_per_gpu_hour": 2.1, "gpu_count": 1, "price_basis": "gpu"}
    found = quoted([node, by_gpu], gpu_count=12)
    assert [(row["provider_id"], row["gpu_count"], row["instance_count"]) for row in found] == [
        ("gpu", 12, 12),
        ("node", 16, 2),
    ]


def test_a_commitment_is_paid_to_its_end() -> None:
    reserved = {
        "provider_id": "a",
        "purchase_model": "reserved",
        "commitment_months": 12,
        "usd_per_gpu_hour": 1.0,
    }
    found = quoted([{"provider_id": "a", "usd_per_gpu_hour": 2.0}, reserved], every_contract=True)
    assert [(row["purchase_model"], row["months_paid"]) for row in found] == [
        ("on_demand", 3.0),
        ("reserved", 12.0),
    ]
    [longer] = quoted([reserved], months_wanted=14.0)
    assert longer["months_paid"] == 24.0
    assert longer["usd_per_month"] == pytest.approx(longer["usd_total"] / 14)


def test_machines_of_one_gpu_are_no_cluster() -> None:
    single = {"provider_id": "a", "gpu_count": 1, "usd_per_gpu_hour": 1.0}
    assert quoted([single]) == []
    [apart] = quoted([single], with_separate=True)
    assert apart["is_joined"] is False
    [alone] = quoted([single], gpu_count=1)
    assert alone["is_joined"] is True


def test_a_machine_of_a_marketplace_is_there_once() -> None:
    machine = {"provider_id": "m", "usd_per_gpu_hour": 1.0, "market_family": "marketplace"}
    assert quoted([machine]) == []
    [one] = quoted([machine], gpu_count=8)
    assert one["gpu_count"] == 8


def test_what_cannot_be_had_now_is_not_quoted() -> None:
    base = {"provider_id": "a", "usd_per_gpu_hour": 1.0}
    offers = [
        base | {"is_stale": True},
        base | {"is_witness": True},
        base | {"is_available": False},
        base | {"purchase_model": "spot"},
    ]
    assert quoted(offers) == []
    [spot] = quoted(offers, purchase_model="spot")
    assert spot["purchase_model"] == "spot"

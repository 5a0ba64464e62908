"""Reservations at tracked prices: the same machine, at one provider, and a market of three."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import duckdb
import pytest

from cost_engine import prices
from cost_engine.load import load_of
from pipelines.answers.burst import replacing_card
from pipelines.answers.reserve import Asked, tracked_plans
from warehouse.macros import run_formulas
from warehouse.models import SQL_FOLDER, read_models
from warehouse.reference import bundled
from warehouse.reference.recorded import record

H100, L40S = "H100-SXM-80GB", "L40S-48GB"
COLUMNS = {
    "provider_id": "varchar", "gpu_id": "varchar", "gpu_count": "integer", "price_basis": "varchar",
    "purchase_model": "varchar", "commitment_months": "integer", "usd_per_gpu_hour": "double",
    "sku": "varchar", "region": "varchar", "country": "varchar", "area": "varchar",
    "is_available": "boolean", "is_stale": "boolean", "is_witness": "boolean",
    "seen_at": "timestamp", "age_hours": "double", "source_id": "varchar", "source_url": "varchar",
    "homepage_url": "varchar", "source_kind": "varchar", "market_family": "varchar",
    "upfront_fraction": "double", "interconnect": "varchar", "node_link": "varchar",
}  # fmt: skip
BASE = {
    "gpu_id": H100, "gpu_count": 8, "price_basis": "instance", "purchase_model": "on_demand",
    "sku": "big", "region": "here", "country": "US", "is_stale": False, "is_witness": False,
    "seen_at": "2026-11-20", "age_hours": 1.0, "source_id": "list",
    "source_url": "https://list.example", "market_family": "hyperscaler",
}  # fmt: skip


def offers(provider: str, on_demand: float, terms: dict[int, float], **other: Any) -> list[Any]:
    listed = [{"usd_per_gpu_hour": on_demand}]
    listed += [
        {"purchase_model": "reserved", "commitment_months": months, "usd_per_gpu_hour": usd}
        for months, usd in terms.items()
    ]
    return [BASE | {"provider_id": provider} | offer | other for offer in listed]


def published(rows: list[dict[str, Any]]) -> duckdb.DuckDBPyConnection:
    """Return a file with offers, and the tables that rest on them."""
    connection = duckdb.connect()
    columns = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
    connection.execute(
        f"""
        create schema core; create schema marts; create schema meta; create schema staged;
        create table marts.offers_latest ({columns});
        create table core.gpu as select * from (values
            ('{H100}', 'SXM', 8), ('{L40S}', 'PCIe', 1)
        ) as t (gpu_id, form_factor, scale_up_gpu_count);
        create table core.reference_region as
            select 'none' as provider_id, 'us' as reference_region, '' as region, 1 as anchor_rank;
        create table staged.build_clock as select timestamp '2026-11-20' as prices_at;
        create table marts.gpu_price_now as
            select gpu_id, 'us' as reference_region, 'on_demand' as purchase_model,
                family as market_family, usd::double as middle_usd_per_gpu_hour,
                usd * 0.8e0 as ask_low_usd_per_gpu_hour, usd * 1.25e0 as ask_high_usd_per_gpu_hour,
                providers as provider_count, timestamp '2026-11-20' as oldest_seen_at
            from (values
                ('{L40S}', 'neocloud', 0.9, 4), ('{L40S}', 'marketplace', 0.4, 1),
                ('{H100}', 'neocloud', 7.0, 5), ('{H100}', 'marketplace', 1.0, 2)
            ) as t (gpu_id, family, usd, providers);
        """
    )
    for row in rows:
        connection.execute(
            f"insert into marts.offers_latest ({', '.join(row)}) values"
            f" ({', '.join('?' * len(row))})",
            list(row.values()),
        )
    connection.execute((SQL_FOLDER / "ledgers.sql").read_text(encoding="utf-8"))
    record(connection, bundled(), datetime.fromisoformat("2026-11-20T06:00:00"))
    run_formulas(connection)
    for table in ("marts.provider_price_now", "marts.price_term_structure"):
        connection.execute(f"create table {table} as {read_models()[table].select}")
    return connection


def asked(gpus: int = 8, months: float = 12, **more: Any) -> Asked:
    return Asked(load_of([gpus], months, [24]), months, **more)


TWO = offers("acme", 4.0, {12: 3.0, 36: 2.0}) + offers("rival", 5.0, {12: 2.5})


def plans(rows: list[Any], question: Asked, **more: Any) -> dict[Any, dict[str, Any]]:
    found = tracked_plans(published(rows), H100, question, **more)
    return {(row["provider_id"], row["plan"], row["commitment_months"]): row for row in found}


def test_each_provider_is_planned_at_its_own_prices():
    found = plans(TWO, asked())
    assert found["acme", "reserved", 12]["effective_usd_per_gpu_hour"] == pytest.approx(3.0)
    assert found["acme", "reserved", 36]["multiplier"] == pytest.approx(3.0)
    assert found["acme", "reserved", 36]["break_even_months"] == pytest.approx(18.0)
    assert found["rival", "on_demand", None]["effective_usd_per_gpu_hour"] == pytest.approx(5.0)
    best = [row for row in found.values() if row["is_cheapest"]]
    assert [(row["provider_id"], row["usd_total"]) for row in best] == [
        ("rival", pytest.approx(8 * 2.5 * 12 * 730.5))
    ]


def test_every_plan_has_the_same_fields_in_the_same_order():
    rows = tracked_plans(published(TWO), H100, asked())
    assert len({tuple(row) for row in rows}) == 1
    markets = [row for row in rows if row["provider_id"] is None]
    assert [(row["market_family"], row["provider_count"]) for row in markets] == [("neocloud", 5)]


def test_what_is_locked_is_certain_and_what_is_by_the_hour_is_not():
    found = plans(TWO, asked())
    locked, open_ = found["acme", "reserved", 12], found["acme", "on_demand", None]
    assert locked["low"] == locked["usd_total"] == locked["high"]
    assert open_["low"] < open_["usd_total"] < open_["high"]


def test_a_machine_of_another_source_region_or_size_is_not_compared():
    rows = offers("acme", 4.0, {12: 3.0})
    for change in ({"source_id": "feed"}, {"region": "there"}, {"gpu_count": 4}, {"sku": "mega"}):
        connection = published([rows[0] | change, rows[1]])
        ((price, discount),) = connection.execute(
            "select on_demand_usd_per_gpu_hour, discount_fraction from marts.price_term_structure"
        ).fetchall()
        assert (price, discount) == (None, None), change


@pytest.mark.parametrize(
    "change", [{"is_stale": True}, {"is_witness": True}, {"is_available": False}]
)
def test_what_is_stale_witnessed_or_sold_out_is_no_offer(change):
    with pytest.raises(ValueError, match="no fresh price"):
        plans([row | change for row in TWO], asked())


def test_the_market_needs_three_providers_and_says_so():
    three = TWO + offers("third", 6.0, {12: 3.0})
    thin = published(TWO).execute("select * from marts.price_term_structure").fetchall()
    assert len(thin) == 3
    found = published(three).execute(
        "select provider_id, market_discount_fraction, forward_from_months,"
        " forward_usd_per_gpu_hour, reason from marts.price_term_structure"
        " where commitment_months = 12 order by provider_id"
    ).fetchall()  # fmt: skip
    expected = 1 - (3 / 4 * 2.5 / 5 * 3 / 6) ** (1 / 3)
    assert [row[1] for row in found] == [pytest.approx(expected)] * 3
    assert [row[2:] for row in found] == [(0, pytest.approx(usd), None) for usd in (3.0, 2.5, 3.0)]
    reasons = {
        row[0]
        for row in published(TWO).execute(
            "select reason from marts.price_term_structure where market_discount_fraction is null"
        ).fetchall()
    }  # fmt: skip
    assert all("fewer than three" in reason for reason in reasons) and len(reasons) == 1


def test_the_terms_of_one_provider_imply_a_price_for_later():
    ((start, implied),) = published(TWO).execute(
        "select forward_from_months, forward_usd_per_gpu_hour from marts.price_term_structure"
        " where provider_id = 'acme' and commitment_months = 36"
    ).fetchall()  # fmt: skip
    assert (start, implied) == (12, pytest.approx(prices.forward_price(12, 3.0, 36, 2.0)))


def test_a_term_that_nobody_offers_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match=r"of 5 months in us; reserved there: 12 months, 36"):
        plans(TWO, asked(commitment_months=[5]))
    with pytest.raises(ValueError, match="reserved there: none"):
        plans(TWO, asked(), reference_region="asia")


def test_peaks_go_to_a_cheaper_card_of_a_market():
    connection = published(offers("acme", 9.0, {12: 6.0}))
    burst = replacing_card(connection, H100, L40S, cards_per_gpu=3)
    assert burst.usd_per_gpu_hour == pytest.approx(2.7) and "neocloud" in burst.name
    question = Asked(load_of([8, 64], 12, [20, 4]), 12)
    found = tracked_plans(connection, H100, question, burst=burst)
    mix = next(row for row in found if row["plan"] == "mix")
    assert mix["burst"] == burst.name and mix["low"] < mix["usd_total"] < mix["high"]
    with pytest.raises(ValueError, match="no price of the market"):
        replacing_card(connection, H100, "B200-180GB")


def test_spot_takes_the_peak_only_if_asked_for():
    spot = BASE | {"provider_id": "acme", "purchase_model": "spot", "usd_per_gpu_hour": 1.0}
    rows = [*offers("acme", 4.0, {12: 3.0}), spot]
    assert plans(rows, asked())["acme", "mix", None]["burst"] != "spot"
    mix = plans(rows, asked(), spot_overhead_factor=1.5)["acme", "mix", None]
    assert mix["burst"] == "spot"
    assert mix["effective_usd_per_gpu_hour"] == pytest.approx(1.5)


def test_macros_equal_their_functions():
    connection = published(TWO)
    for term, job, resale in ((24, 2, 0.0), (12, 18, 0.5), (12, 12, 0.3), (1, 7.5, 0.0)):
        ((got,),) = connection.execute(
            f"select reservation_multiplier({term}, {job}, {resale})"
        ).fetchall()
        assert float(got) == pytest.approx(prices.reservation_multiplier(term, job, resale))
    ((got,),) = connection.execute("select forward_price(12, 3.0, 36, 2.0)").fetchall()
    assert float(got) == pytest.approx(1.5)

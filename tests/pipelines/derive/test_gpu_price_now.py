"""Today's price of a GPU: one vote a provider, and less evidence is never told as more."""

from __future__ import annotations

from datetime import datetime
from math import log
from typing import Any

import duckdb
import pytest

from cost_engine.asks import SpreadPrior
from pipelines.derive.gpu_price_now import Dispersion, dispersions
from warehouse.macros import run_formulas
from warehouse.models import read_models

PER_DAY = {"neocloud": 0.0001, "hyperscaler": 0.0, "marketplace": 0.0002}
ASSUMED = SpreadPrior(10.0, 0.13)
OFFERS = """
create schema marts; create schema core; create schema staged;
create table staged.build_clock as select timestamp '2026-11-02' as now_at, 'run' as run_id,
    timestamp '2026-11-02' as prices_at;
create table core.reference_region (
    provider_id varchar, reference_region varchar, anchor_rank integer, region varchar
);
insert into core.reference_region values ('gcp', 'us', 1, 'iowa'), ('gcp', 'us', 2, 'virginia');
create table marts.offers_latest (
    provider_id varchar, region varchar, country varchar, area varchar, gpu_id varchar,
    gpu_count integer, purchase_model varchar, commitment_months integer, upfront_fraction double,
    market_family varchar, usd_per_gpu_hour double, is_stale boolean, is_witness boolean,
    is_available boolean, source_kind varchar, seen_at timestamp
);
"""


def cell(gpu_id: str, *usd: float, **more: Any) -> list[dict[str, Any]]:
    base = {
        "gpu_id": gpu_id,
        "gpu_class": "data_center",
        "purchase_model": "on_demand",
        "market_family": "neocloud",
        "age_days": 0.0,
    }
    return [{**base, **more, "usd_per_gpu_hour": price} for price in usd]


def of(found: dict[Any, Dispersion], *group: str) -> Dispersion:
    return found[group[0], group[1], group[2]]


def test_a_spread_is_learned_from_three_gpus_of_three_providers() -> None:
    taught = [cell(f"g{n}", 1.0, 2.0, 3.0) for n in range(3)]
    found = dispersions([*taught, cell("lonely", 5.0)], PER_DAY, ASSUMED)
    learned = of(found, "data_center", "on_demand", "neocloud")
    assert (learned.prior, learned.gpu_count_learned) == ("learned", 3)
    assert learned.smallest_half_width_log > 0


def test_another_contract_takes_the_spread_on_demand_and_another_class_borrows_more() -> None:
    taught = [cell(f"g{n}", 1.0, 2.0, 3.0) for n in range(3)]
    spot = cell("g0", 1.0, purchase_model="spot")
    gaming = cell("r", 0.4, gpu_class="consumer", market_family="marketplace")
    found = dispersions([*taught, spot, gaming], PER_DAY, ASSUMED)
    learned = of(found, "data_center", "on_demand", "neocloud")
    assert of(found, "data_center", "spot", "neocloud").spread == learned.spread
    borrowed = of(found, "consumer", "on_demand", "marketplace")
    assert borrowed.prior == "borrowed"
    assert borrowed.spread.variance == pytest.approx(learned.spread.variance * 1.5**2)


def test_with_nothing_to_learn_from_the_assumed_spread_is_made_wider() -> None:
    found = dispersions([cell("g", 1.0)], PER_DAY, ASSUMED)
    alone = of(found, "data_center", "on_demand", "neocloud")
    assert alone.prior == "borrowed"
    assert alone.spread.variance > ASSUMED.variance
    assert alone.smallest_half_width_log > log(1.5)


def prices(*offers: dict[str, Any], at: str = "2026-11-02") -> list[dict[str, Any]]:
    """Return the rows of ``marts.provider_price_now`` for some offers, as of a moment."""
    connection = duckdb.connect()
    connection.execute(OFFERS)
    connection.execute("update staged.build_clock set prices_at = ?", [datetime.fromisoformat(at)])
    base = {
        "gpu_id": "H100-SXM-80GB",
        "gpu_count": 8,
        "purchase_model": "on_demand",
        "market_family": "hyperscaler",
        "provider_id": "gcp",
        "is_stale": False,
        "is_witness": False,
        "source_kind": "api",
        "seen_at": datetime.fromisoformat("2026-11-01"),
        "country": "US",
        "area": "north_america",
        "region": "iowa",
    }
    for offer in offers:
        row = base | offer
        connection.execute(
            f"insert into marts.offers_latest ({', '.join(row)}) values"
            f" ({', '.join('?' for _ in row)})",
            list(row.values()),
        )
    run_formulas(connection)
    cursor = connection.execute(str(read_models()["marts.provider_price_now"].select))
    names = [column[0] for column in cursor.description or []]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def test_a_large_cloud_is_read_in_its_reference_region_at_the_largest_count() -> None:
    [found] = prices(
        {"usd_per_gpu_hour": 11.0},
        {"usd_per_gpu_hour": 99.0, "gpu_count": 1},
        {"usd_per_gpu_hour": 12.0, "region": "virginia"},
        {"usd_per_gpu_hour": 14.0, "region": "oregon"},
    )
    assert (found["usd_per_gpu_hour"], found["region"], found["gpu_count"]) == (11.0, "iowa", 8)
    assert found["age_days"] == 1


@pytest.mark.parametrize(
    ("seen_at", "at", "days"),
    [
        ("2026-11-01 23:59", "2026-11-02 00:01", 1),
        ("2026-11-01 06:30", "2026-11-02 06:00", 1),
        ("2026-11-01 06:30", "2026-11-02 07:00", 1),
        ("2026-11-02 00:00", "2026-11-02 23:59", 0),
        ("2026-11-03 06:00", "2026-11-02 06:00", 0),
    ],
)
def test_an_age_is_the_same_all_day(seen_at: str, at: str, days: int) -> None:
    [found] = prices({"usd_per_gpu_hour": 11.0, "seen_at": datetime.fromisoformat(seen_at)}, at=at)
    assert found["age_days"] == days


def test_the_next_region_speaks_where_the_first_has_no_such_gpu() -> None:
    [found] = prices({"usd_per_gpu_hour": 12.0, "region": "virginia"})
    assert found["region"] == "virginia"


def test_elsewhere_the_median_of_the_part_of_the_world_counts() -> None:
    asked = [{"usd_per_gpu_hour": usd, "provider_id": "x"} for usd in (1.0, 2.0, 9.0)]
    [found] = prices(*asked)
    assert (found["usd_per_gpu_hour"], found["region"]) == (2.0, None)


def test_what_is_stale_sold_out_a_witness_or_nowhere_has_no_voice() -> None:
    assert (
        prices(
            {"usd_per_gpu_hour": 1.0, "is_stale": True},
            {"usd_per_gpu_hour": 1.0, "is_witness": True},
            {"usd_per_gpu_hour": 1.0, "is_available": False},
            {"usd_per_gpu_hour": 1.0, "country": None, "area": None},
            {"usd_per_gpu_hour": 1.0, "country": "ZA", "area": "africa"},
        )
        == []
    )


def test_a_small_cloud_without_a_region_counts_in_the_us_and_says_so() -> None:
    nowhere = {"country": None, "area": None, "region": None, "market_family": "neocloud"}
    [found] = prices({"usd_per_gpu_hour": 3.0, "provider_id": "x", **nowhere})
    assert (found["reference_region"], found["is_region_stated"]) == ("us", False)

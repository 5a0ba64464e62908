"""From beliefs about offers to the matched index: items, months, revisions."""

from __future__ import annotations

from datetime import date
from math import log

import duckdb
import pytest

from pipelines.derive.like_for_like import derive
from warehouse.models import SQL_FOLDER, read_models, run_models

ITEMS = read_models()["marts.item_price_month"]
TABLES = """
create schema staged; create schema core; create schema meta; create schema marts;
create table staged.affected_day (entity varchar, day date);
create table staged.build_clock as select timestamp '2026-04-01' as now_at, 'run' as run_id;
create table core.offer_capture (source_id varchar, request_key varchar, seen_at timestamp);
create table core.method_break (source_id varchar, break_on date);
create table core.region (provider_id varchar, region varchar, country varchar, area varchar);
insert into core.region values ('a', 'iowa', 'US', 'north_america'), ('a', 'cape', 'ZA', 'africa');
create table core.gpu as select 'H100-SXM-80GB' as gpu_id, 'data_center' as gpu_class;
create table core.offer_price (
    source_id varchar, request_key varchar, provider_id varchar, sku varchar, region varchar,
    gpu_id varchar, gpu_count integer, purchase_model varchar, commitment_months integer,
    upfront_fraction double, market_tier varchar, usd_per_gpu_hour double, is_available boolean,
    valid_from timestamp, valid_to timestamp, superseded_at timestamp, offer_key varchar
);
"""


@pytest.fixture
def build() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute(TABLES)
    connection.execute((SQL_FOLDER / "ledgers.sql").read_text(encoding="utf-8"))
    return connection


def answered(build: duckdb.DuckDBPyConnection, *days: date, source: str = "s") -> None:
    """Let a source answer on days that the build has not derived yet."""
    for day in days:
        build.execute("insert into core.offer_capture values (?, 'all', ?)", [source, day])
        build.execute("insert into staged.affected_day values ('offer', ?)", [day])


def offered(
    build: duckdb.DuckDBPyConnection,
    provider: str,
    usd: float,
    since: date,
    until: date | None = None,
    *,
    tier: str = "neocloud",
    region: str | None = None,
    sku: str = "H100",
) -> None:
    build.execute(
        "insert into core.offer_price values ('s', 'all', ?, ?, ?, 'H100-SXM-80GB', 8,"
        " 'on_demand', null, null, ?, ?, true, ?, ?, null, ?)",
        [provider, sku, region, tier, usd, since, until, sku],
    )


def made(build: duckdb.DuckDBPyConnection) -> None:
    """Derive what is affected, as a build does."""
    run_models(build, [ITEMS])
    derive(build, date(2026, 4, 1))
    build.execute("delete from staged.affected_day")


def levels(build: duckdb.DuckDBPyConnection) -> list[tuple[date, float, int]]:
    return build.execute(
        "select month, log_level, revision from marts.like_for_like_revision"
        " where gpu_id is not null and provider_minimum = 3 order by month, revision"
    ).fetchall()


JANUARY, FEBRUARY, MARCH = date(2026, 1, 10), date(2026, 2, 10), date(2026, 3, 10)
months = [day.replace(day=1) for day in (JANUARY, FEBRUARY, MARCH)]


def test_the_index_follows_the_same_offers(build: duckdb.DuckDBPyConnection) -> None:
    answered(build, JANUARY, FEBRUARY, MARCH)
    for provider in "abc":
        offered(build, provider, 4.0, JANUARY, MARCH if provider == "a" else None)
    offered(build, "a", 2.0, MARCH)
    offered(build, "newcomer", 1.0, MARCH)
    made(build)
    expected = [(months[0], 0.0, 1), (months[1], 0.0, 1), (months[2], log(0.5) / 3, 1)]
    assert levels(build) == [pytest.approx(row) for row in expected]
    assert build.execute(
        "select provider_id, contribution_log, item_count from marts.like_for_like_link"
        " where gpu_id is not null and provider_minimum = 3 and month = ? order by provider_id",
        [months[2]],
    ).fetchall() == [
        ("a", pytest.approx(log(0.5) / 3), 1),
        ("b", pytest.approx(0.0), 1),
        ("c", pytest.approx(0.0), 1),
    ]


def test_the_change_tells_the_same_offers_from_the_sellers(
    build: duckdb.DuckDBPyConnection,
) -> None:
    answered(build, JANUARY, FEBRUARY, MARCH)
    for provider, usd in (("a", 4.0), ("b", 3.0), ("c", 5.0)):
        offered(build, provider, usd, JANUARY, MARCH if provider == "a" else None)
    offered(build, "a", 2.0, MARCH)
    for newcomer in ("d", "e"):
        offered(build, newcomer, 1.0, MARCH)
    made(build)
    models = read_models()
    run_models(build, [models[f"marts.like_for_like_{name}"] for name in ("index", "change")])
    [(same, movers, median, count, then_median, then_count, change, mix)] = build.execute(
        "select like_for_like_change_fraction, movers, median_usd_per_gpu_hour,"
        " median_provider_count, then_median_usd_per_gpu_hour, then_median_provider_count,"
        " median_change_fraction, mix_change_fraction"
        " from marts.like_for_like_change where gpu_id is not null and horizon_months = 1"
    ).fetchall()
    assert same == pytest.approx(0.5 ** (1 / 3) - 1)
    assert movers == "a -20.6 % (1)"
    assert (median, count, then_median, then_count) == (pytest.approx(2), 5, pytest.approx(4), 3)
    assert (1 + same) * (1 + mix) == pytest.approx(1 + change)


def test_a_class_is_measured_together(build: duckdb.DuckDBPyConnection) -> None:
    answered(build, JANUARY, FEBRUARY)
    for provider in "abc":
        offered(build, provider, 4.0, JANUARY)
    made(build)
    assert build.execute(
        "select count(*) from marts.like_for_like_revision"
        " where gpu_class = 'data_center' and gpu_id is null and provider_minimum = 3"
    ).fetchall() == [(2,)]


def test_day_by_day_and_at_once_give_the_same(build: duckdb.DuckDBPyConnection) -> None:
    for provider, usd in (("a", 4.0), ("b", 3.0), ("c", 2.0)):
        offered(build, provider, usd, JANUARY, FEBRUARY)
        offered(build, provider, usd * 0.9, FEBRUARY)
    for day in (JANUARY, FEBRUARY, MARCH):
        answered(build, day)
        made(build)
    daily = levels(build)
    build.execute("drop table marts.item_price_month")
    build.execute("delete from marts.like_for_like_revision")
    build.execute("delete from marts.like_for_like_link")
    made(build)
    assert daily == [pytest.approx(row) for row in levels(build)]
    assert len(daily) == 3


def test_a_late_answer_restates_a_month(build: duckdb.DuckDBPyConnection) -> None:
    answered(build, JANUARY, FEBRUARY)
    for provider in "abc":
        offered(build, provider, 4.0, JANUARY)
    made(build)
    made(build)  # nothing new
    assert [revision for _, _, revision in levels(build)] == [1, 1]
    build.execute(
        "update core.offer_price set usd_per_gpu_hour = 2, valid_from = ? where provider_id = 'a'",
        [FEBRUARY],
    )
    offered(build, "a", 4.0, JANUARY, FEBRUARY)
    build.execute("insert into staged.affected_day values ('offer', ?)", [FEBRUARY])
    made(build)
    assert levels(build)[-1] == (months[1], pytest.approx(log(0.5) / 3), 2)
    build.execute("delete from core.offer_price where provider_id = 'b'")
    build.execute("insert into staged.affected_day values ('offer', ?)", [FEBRUARY])
    made(build)
    assert levels(build)[-1] == (months[1], None, 3)


def test_a_silent_month_is_no_month(build: duckdb.DuckDBPyConnection) -> None:
    answered(build, JANUARY, MARCH)
    for provider in "abc":
        offered(build, provider, 4.0, JANUARY)
    made(build)
    assert [month for month, _, _ in levels(build)] == [months[0], months[2]]


def test_an_answer_that_was_made_earlier_says_nothing_of_its_month(
    build: duckdb.DuckDBPyConnection,
) -> None:
    answered(build, FEBRUARY)
    offered(build, "a", 4.0, JANUARY)
    build.execute(
        "insert into meta.capture (source_id, request_scope, seen_at, source_time)"
        " values ('s', 'all', ?, ?)",
        [FEBRUARY, date(2026, 1, 20)],
    )
    made(build)
    assert build.execute("select count(*) from marts.item_price_month").fetchall() == [(0,)]


def test_places_are_kept_apart(build: duckdb.DuckDBPyConnection) -> None:
    answered(build, JANUARY)
    offered(build, "a", 4.0, JANUARY, region="iowa")
    offered(build, "a", 9.0, JANUARY, region="cape")
    offered(build, "b", 3.0, JANUARY, region="nowhere")
    made(build)
    assert build.execute(
        "select provider_id, region, reference_region, is_region_stated"
        " from marts.item_price_month order by all"
    ).fetchall() == [
        ("a", "cape", "other", True),
        ("a", "iowa", "us", True),
        ("b", "nowhere", "us", False),
    ]


def test_a_marketplace_needs_five_asks_and_counts_their_median(
    build: duckdb.DuckDBPyConnection,
) -> None:
    answered(build, JANUARY)
    for number, usd in enumerate((1.0, 2.0, 3.0, 4.0, 50.0)):
        offered(build, "vast", usd, JANUARY, tier="marketplace_secure", sku=f"machine {number}")
    for number in range(4):
        offered(build, "few", 1.0, JANUARY, tier="marketplace_secure", sku=f"machine {number}")
    made(build)
    assert build.execute(
        "select provider_id, usd_per_gpu_hour from marts.item_price_month"
    ).fetchall() == [("vast", pytest.approx(3.0))]


def test_a_change_of_method_makes_another_item(build: duckdb.DuckDBPyConnection) -> None:
    answered(build, JANUARY, FEBRUARY)
    offered(build, "a", 4.0, JANUARY)
    build.execute("insert into core.method_break values ('s', ?)", [FEBRUARY])
    made(build)
    assert build.execute(
        "select count(distinct item_id) from marts.item_price_month"
    ).fetchall() == [(2,)]

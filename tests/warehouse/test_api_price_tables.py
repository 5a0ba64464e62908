"""Facts about the tables of token prices: which price counts, and how often."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import duckdb
import pytest

from warehouse import history
from warehouse.models import SQL_FOLDER, read_model

DAY = date(2026, 7, 31)
NEW, OLD = datetime(2026, 7, 1), datetime(2025, 7, 1)  # noqa: DTZ001
PRICE: dict[str, Any] = {
    "source_id": "list-a", "api_provider_id": "acme", "api_model_id": "acme/model-1",
    "usd_per_million_input_tokens": 1.0, "usd_per_million_output_tokens": 3.0, "valid_from": NEW,
}  # fmt: skip


@pytest.fixture
def con() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(config={"threads": 1})
    history.create(connection, history.API_PRICE)
    connection.execute(
        "create schema marts; create schema if not exists meta;"
        " create table core.model_alias as select 'api' as source_family,"
        " unnest(['acme/model-1', 'x/model-1']) as model_name_printed, 'model-1' as model_id,"
        " 'same' as relation"
    )
    connection.execute("create table staged.api_price_day as select ?::date as day", [DAY])
    connection.execute(
        "create table staged.scope_latest (source_id varchar, last_good_at timestamp,"
        " content_changed_at timestamp);"
        " create table meta.source (source_id varchar, is_first_party boolean,"
        " frozen_after_hours bigint)"
    )
    connection.execute((SQL_FOLDER / "macros/formulas.sql").read_text(encoding="utf-8"))
    connection.execute(
        """
        create table marts.serving_point as
            select 'model-1' as model_id, gpu_id, 8 as gpu_count, 'fp8' as precision,
                'balanced' as workload, 'interactive' as service_level_id,
                true as is_cheapest_set, speed::double as tokens_per_second_per_gpu,
                0.25e0 as prefill_fraction, 0.2e0 as error_log_sd
            from (values ('H', 1000), ('B', 3000)) as t (gpu_id, speed);
        create table core.margin_scenario as
            select * from (values
                ('on_demand', 'on_demand', null::int, 'neocloud', 'us', 'H B'),
                ('own_cluster', 'owned', null, null, null, 'H B')
            ) as t (scenario_id, purchase_model, commitment_months, market_family,
                reference_region, gpu_ids);
        create table marts.own_vs_rent as
            select gpu_id, 1024 as gpu_count, usd::double as owned_usd_per_gpu_hour,
                usd / 2.0e0 as low, usd * 2.0e0 as high, 0.7e0 as fleet_utilisation_fraction
            from (values ('H', 2.0), ('B', 3.0)) as t (gpu_id, usd);
        create table meta.reference_value as
            select * from (values
                ('scenario', 'fleet', 'central_fraction', '0.5'),
                ('scenario', 'balanced', 'cached_fraction', '0.5')
            ) as t (subject_kind, subject, field, value);
        create table marts.item_price_month as
            select gpu_id, 'on_demand' as purchase_model, null::int as commitment_months,
                'neocloud' as market_family, 'us' as reference_region, ?::date as month,
                provider_id, usd::double as usd_per_gpu_hour
            from (values
                ('H', 'a', 2.0), ('H', 'b', 3.0), ('H', 'c', 4.0),
                ('B', 'a', 5.0), ('B', 'a', 5.0), ('B', 'b', 6.0), ('B', 'd', 7.0)
            ) as t (gpu_id, provider_id, usd)
        """.replace("?::date", "date '2026-07-01'")
    )
    return connection


def tables(
    con: duckdb.DuckDBPyConnection, *prices: dict[str, Any]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the rows of marts.api_price, and those of marts.api_margin on demand."""
    for number, price in enumerate(prices):
        row = PRICE | price | {"api_price_key": str(number)}
        con.execute(
            f"insert into core.api_price_open ({', '.join(row)})"
            f" values ({', '.join('?' * len(row))})",
            [*row.values()],
        )
    made = []
    for name in ("api_price", "api_margin"):
        model = read_model(SQL_FOLDER / "marts" / f"{name}.sql")
        con.execute(f"create table marts.{name} as {model.select}")
        for check in model.checks:
            assert con.sql(check.sql.replace("{this}", f"marts.{name}")).fetchall() == []
        found = con.sql(f"from marts.{name} order by all")
        assert found.columns == [column.name for column in model.columns]
        made.append([dict(zip(found.columns, row, strict=True)) for row in found.fetchall()])
    return made[0], [row for row in made[1] if row["scenario_id"] == "on_demand"]


def test_a_price_says_for_which_prompts_it_holds_and_margins_use_the_shortest(con) -> None:
    longer = {"above_input_tokens": 200_000, "usd_per_million_input_tokens": 2.0}
    prices, [margin] = tables(con, {}, longer, {"modality": "audio"}, {"variant": "batch"})
    lengths = [
        (row["above_input_tokens"], row["up_to_input_tokens"], row["is_plain"])
        for row in prices
        if row["modality"] is None and row["variant"] is None
    ]
    assert sorted(lengths, key=str) == [(200_000, None, False), (None, 200_000, True)]
    assert (margin["usd_per_million_tokens_listed"], margin["up_to_input_tokens"]) == (1.5, 200_000)


def test_one_listing_in_three_lists_is_one_margin(con) -> None:
    lists = [{"source_id": name} for name in ("list-a", "list-b", "list-c")]
    prices, [margin] = tables(con, *lists)
    assert len(prices) == 3
    assert (margin["list_count"], margin["listing_count"]) == (3, 3)


def test_of_two_names_of_one_model_the_confirmed_price_counts(con) -> None:
    legacy = {"api_model_id": "x/model-1", "usd_per_million_input_tokens": 0.1, "valid_from": OLD}
    prices, [margin] = tables(con, legacy, {}, {"source_id": "list-b"})
    assert margin["usd_per_million_tokens_listed"] == 1.5
    assert len(prices) == 3


@pytest.mark.parametrize(
    ("others", "is_counted"),
    [
        ([], False),
        ([{"source_id": "list-b"}], True),
        ([{"source_id": "list-b", "usd_per_million_input_tokens": 4.0}], False),
        ([{"source_id": "list-b", "api_provider_id": "other"}], False),
    ],
)
def test_an_old_price_that_no_other_list_prints_ages_out(con, others, is_counted: bool) -> None:
    prices, margins = tables(con, {"valid_from": OLD}, *others)
    [own] = [r for r in prices if (r["api_source_id"], r["api_provider_id"]) == ("list-a", "acme")]
    assert own["is_confirmed"] is is_counted
    prices_counted = {
        row["usd_per_million_tokens_listed"] for row in margins if row["api_provider_id"] == "acme"
    }
    assert (1.5 in prices_counted) is is_counted


def shown(con: duckdb.DuckDBPyConnection, source_id: str, *, days_ago: int, first: bool) -> None:
    """Say since when a list, which answers on the day, has had the same bytes."""
    at = datetime(2026, 7, 31, 6)  # noqa: DTZ001
    con.execute(
        "insert into staged.scope_latest values (?, ?, ?)",
        [source_id, at, at - timedelta(days=days_ago)],
    )
    con.execute("insert into meta.source values (?, ?, ?)", [source_id, first, 7 * 24])


@pytest.mark.parametrize(
    ("days_ago", "is_first_party", "is_counted"),
    [(5, False, True), (9, False, False), (9, True, True)],
)
def test_the_prices_of_a_frozen_list_leave_answers(
    con, days_ago: int, is_first_party: bool, is_counted: bool
) -> None:
    shown(con, "list-a", days_ago=days_ago, first=is_first_party)
    [price], margins = tables(con, {})
    assert (price["is_confirmed"], bool(margins)) == (is_counted, is_counted)


@pytest.mark.parametrize(("days_ago", "is_counted"), [(0, True), (20, False)])
def test_only_a_list_that_moves_confirms_the_price_of_a_frozen_one(
    con, days_ago: int, is_counted: bool
) -> None:
    shown(con, "list-a", days_ago=30, first=False)
    shown(con, "list-b", days_ago=days_ago, first=False)
    prices, margins = tables(con, {}, {"source_id": "list-b"})
    assert [row["is_confirmed"] for row in prices] == [is_counted] * 2
    assert bool(margins) is is_counted
    assert {row["confirmed_at"].date() for row in prices} >= {DAY - timedelta(days=days_ago)}


def test_a_model_is_served_from_the_cheaper_of_the_same_accelerators(con) -> None:
    cached = {"usd_per_million_cache_read_tokens": 0.1}
    _, [margin] = tables(con, cached)
    cost = 6.0 / 3600 / 3000 * 1e6 / 0.5  # B: the middle of three providers, one vote each
    assert (margin["gpu_id"], margin["provider_count"]) == ("B", 3)
    assert margin["usd_per_gpu_hour"] == pytest.approx(6.0)
    assert margin["usd_per_million_tokens_cost"] == pytest.approx(cost)
    assert margin["margin_fraction"] == pytest.approx(1 - cost / 1.5)
    listed = 0.75 * (0.5 * 1.0 + 0.5 * 0.1) + 0.25 * 3.0
    assert margin["usd_per_million_tokens_listed_cached"] == pytest.approx(listed)
    assert margin["margin_fraction_cached"] == pytest.approx(1 - cost * (1 - 0.25 * 0.5) / listed)


def test_a_month_without_three_providers_of_one_accelerator_has_no_cost_but_owning_has(con) -> None:
    con.execute("delete from marts.item_price_month where gpu_id = 'H' and provider_id = 'c'")
    _, [margin] = tables(con, {})
    assert margin["margin_fraction"] is None and margin["gpu_id"] is None
    assert margin["withheld_reason"] == "H: 2 of 3 providers"
    [own] = con.sql("from marts.api_margin where scenario_id = 'own_cluster'").fetchall()
    names = con.sql("from marts.api_margin").columns
    owned = dict(zip(names, own, strict=True))
    # An hour of work costs 3.0, whatever the share of the hours.
    assert owned["usd_per_million_tokens_cost"] == pytest.approx(3.0 / 3600 / 3000 * 1e6)
    assert owned["usd_per_gpu_hour"] == pytest.approx(3.0 * 0.7)
    assert owned["withheld_reason"] is None and owned["provider_count"] is None


def test_prices_of_another_month_are_not_carried(con) -> None:
    con.execute("update marts.item_price_month set month = date '2026-06-01'")
    _, [margin] = tables(con, {})
    assert margin["withheld_reason"] == "B: 0 of 3 providers; H: 0 of 3 providers"


def test_a_list_without_a_price_of_cached_input_has_no_margin_with_it(con) -> None:
    _, [margin] = tables(con, {})
    assert margin["usd_per_million_tokens_listed_cached"] is None
    assert margin["margin_fraction_cached"] is None and margin["margin_fraction"] is not None


def test_a_history_of_an_earlier_version_gets_the_columns_that_it_lacks() -> None:
    connection = duckdb.connect()
    history.create(connection, history.API_PRICE)
    connection.execute("drop view core.api_price")
    for table in ("core.api_price_open", "core.api_price_closed"):
        connection.execute(f"alter table {table} drop column modality")
    history.create(connection, history.API_PRICE)
    assert connection.sql("select modality from core.api_price").fetchall() == []

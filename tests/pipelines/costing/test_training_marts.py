"""The six training tables: grain, intervals, reasons, and what the day's prices do to them."""

from datetime import date

import duckdb
import pytest

from pipelines.costing import training, training_runs
from warehouse.models import SQL_FOLDER, read_model

TABLES = (
    "training_cost",
    "training_cost_trend",
    "training_backtest",
    "training_sensitivity",
    "own_vs_rent",
    "reservation_multiplier",
)
DAY = date(2026, 11, 21)


@pytest.fixture(scope="module")
def connection():
    with duckdb.connect() as connection:
        connection.execute(
            """
            create schema core;
            create schema marts;
            create table marts.gpu_price_daily as
                select gpu_id, day, purchase_model, commitment_months::int as commitment_months,
                    market_family, middle::double as median_usd_per_gpu_hour,
                    low::double as p10_usd_per_gpu_hour, high::double as p90_usd_per_gpu_hour
                from (values
                    ('H100-SXM-80GB', date '2026-11-20', 'on_demand', null, 'all', 2.4, 1.8, 4.0),
                    ('H100-SXM-80GB', date '2026-11-25', 'on_demand', null, 'all', 99, 98, 99.5),
                    ('H100-SXM-80GB', date '2026-11-20', 'on_demand', null, 'neocloud', 2, 1.8, 3),
                    ('H100-SXM-80GB', date '2026-11-20', 'reserved', 36, 'all', 1.3, 1.1, 1.6),
                    ('H100-SXM-80GB', date '2026-11-20', 'reserved', 36, 'neocloud', 1.2, 1, 1.6),
                    ('H100-SXM-80GB', date '2026-11-20', 'reserved', 12, 'hyperscaler', 7, 6, 8),
                    ('A100-SXM-40GB', date '2026-11-20', 'on_demand', null, 'all', 1.2, 0.9, 1.9)
                ) as t (gpu_id, day, purchase_model, commitment_months, market_family, middle, low,
                    high);
            create table core.training_run as
                select 'Tomorrow-1' as model, date '2026-06-01' as published_on,
                    'Some Lab' as organization, 'France' as country, null::varchar as base_model,
                    1e12::double as parameters, 1e26::double as training_flops,
                    null::double as training_tokens, null::double as training_hours,
                    'NVIDIA H100 SXM5 80GB' as hardware, 20000.0::double as hardware_quantity,
                    5e7::double as chip_hours, null::double as utilisation_fraction,
                    'Confident' as confidence, true as is_notable, null::varchar as link;
            """
        )
        training.derive(connection, DAY)
        yield connection


def rows(connection, sql):
    cursor = connection.execute(sql)
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, values, strict=True)) for values in cursor.fetchall()]


@pytest.mark.parametrize("table", TABLES)
def test_the_table_has_the_columns_that_its_file_tells_and_passes_its_checks(connection, table):
    model = read_model(SQL_FOLDER / "marts" / f"{table}.sql")
    found = connection.execute(f"select * from marts.{table} limit 0").description
    assert [column[0] for column in found] == [column.name for column in model.columns]
    for check in model.checks:
        assert rows(connection, check.replace("{this}", f"marts.{table}")) == []


def test_every_cost_has_an_interval_and_every_null_a_reason(connection):
    assert not rows(
        connection,
        "select * from marts.training_cost where usd_nominal is not null"
        " and (low is null or high is null or low_80 is null or confidence is null"
        " or not (low < high))",
    )


def test_a_model_of_2026_is_costed_with_the_electricity_of_its_year(connection):
    (row,) = rows(
        connection,
        "select * from marts.training_cost where model = 'Tomorrow-1'"
        " and method = 'amortized' and price_basis = 'clean'",
    )
    assert row["energy_usd"] / row["energy_kwh"] == pytest.approx(0.0929)
    assert row["usd_real"] is None and row["usd_nominal"] > 1e7
    assert row["compute_rank"] == 3  # behind Grok-3 and GPT-4.5
    assert row["carbon_kg"] == pytest.approx(row["energy_kwh"] * 0.056)


def test_today_means_the_newest_price_up_to_the_day_of_all_markets(connection):
    (row,) = rows(
        connection,
        "select * from marts.training_cost where model = 'GPT-4'"
        " and price_basis = 'tracked_same_chip'",
    )
    assert (row["usd_per_gpu_hour"], row["day"]) == (1.2, date(2026, 11, 20))
    assert row["usd_nominal"] == pytest.approx(1.2 * 57e6)


def test_a_chip_without_a_tracked_price_says_so(connection):
    (row,) = rows(
        connection,
        "select * from marts.training_cost where model = 'PaLM (540B)'"
        " and price_basis = 'tracked_same_chip'",
    )
    assert row["usd_nominal"] is None and "no tracked price of Google TPU v4" in row["reason"]


def test_the_published_growth_is_there_with_its_interval(connection):
    (row,) = rows(
        connection,
        "select * from marts.training_cost_trend where price_basis = '2024-12'"
        " and selection = 'top 10' and method = 'amortized' and ci_level = 0.9",
    )
    assert row["growth_per_year"] == pytest.approx(2.40727, rel=1e-5)
    assert (row["ci_low"], row["ci_high"]) == pytest.approx((1.969, 2.943), rel=1e-3)
    assert row["usd_1e9_reached_mean_on"].year == 2029
    assert row["usd_1e9_reached_anchored_on"].year == 2026


def test_two_months_on_two_years_cost_twelve_times(connection):
    (row,) = rows(
        connection,
        "select * from marts.reservation_multiplier where gpu_id is null and term_months = 24"
        " and job_months = 2 and resale_fraction = 0",
    )
    assert row["multiplier"] == 12


def test_a_reservation_is_compared_with_on_demand_of_its_own_market(connection):
    found = {
        row["market_family"]: row
        for row in rows(
            connection,
            "select * from marts.reservation_multiplier where gpu_id = 'H100-SXM-80GB'"
            " and job_months = 36 and resale_fraction = 0",
        )
    }
    assert found["neocloud"]["on_demand_usd_per_gpu_hour"] == 2
    assert found["neocloud"]["break_even_months"] == pytest.approx(36 * 1.2 / 2)
    assert found["hyperscaler"]["is_reserved_cheaper"] is None
    assert "no on-demand price in this market" in found["hyperscaler"]["reason"]


def test_a_larger_cluster_is_owned_more_cheaply(connection):
    owned = rows(
        connection,
        "select * from marts.own_vs_rent where gpu_id = 'H100-SXM-80GB' order by gpu_count",
    )
    costs = [row["owned_usd_per_gpu_hour"] for row in owned]
    assert costs == sorted(costs, reverse=True)
    assert all(row["low"] < row["owned_usd_per_gpu_hour"] < row["high"] for row in owned)


@pytest.mark.parametrize("gpu_id", ["TRAINIUM2-96GB", "TPU-V7", "GB300-288GB", "MI355X-288GB"])
def test_a_chip_without_a_purchase_price_says_no_price(connection, gpu_id):
    found = rows(connection, f"select reason from marts.own_vs_rent where gpu_id = '{gpu_id}'")
    assert found and all("no purchase price" in row["reason"] for row in found)


def test_a_chip_that_nobody_sells_is_not_owned(connection):
    found = rows(connection, "select reason from marts.own_vs_rent where gpu_id = 'TPU-V5E'")
    assert found and all("not sold" in row["reason"] for row in found)


def test_published_figures_are_met(connection):
    truth = {row["case_id"]: row for row in rows(connection, "from marts.training_backtest")}
    for case in ("gpt3_rental", "gpt4_rental", "gemini_rental", "palm_rental_index"):
        assert truth[case]["ratio"] == pytest.approx(1, abs=0.02)
    assert truth["deepseek_stated_price"]["predicted"] == pytest.approx(5_576_000)
    assert all(row["is_within_tolerance"] for row in truth.values())


def test_without_prices_and_newer_models_there_is_nothing_to_add():
    with duckdb.connect() as empty:
        assert training.tracked_prices(empty, DAY) == {"all": {}}
        assert training.newer_models(empty) == []
    part = training_runs.basis("clean")
    reasons = {row["reason"] for row in training.tracked_rows(part, {})}
    assert "no tracked price of H100-SXM-80GB" in reasons and None not in reasons


def test_the_80_percent_interval_of_unreported_hours_holds_four_in_five():
    inside, compared = training_runs.coverage(training_runs.basis("clean"), 0.8)["all"]
    assert compared > 250
    assert 0.75 < inside / compared < 0.90


def test_corrections_take_effect_and_tell_their_source():
    clean = training_runs.basis("clean")
    hours = {
        run.model: float(value)
        for run, value in zip(clean.runs, clean.estimates.numbers["chip_hours"], strict=True)
    }
    assert hours["Falcon-180B"] == 7_000_000
    assert hours["Llama 3.1-405B"] == 30_840_000
    published = training_runs.basis("2025-06")
    falcon = [run.model for run in published.runs].index("Falcon-180B")
    assert published.estimates.numbers["chip_hours"][falcon] == 17_694_720
    for costed, watts in ((clean, 373), (published, 170)):
        palm = [run.model for run in costed.runs].index("PaLM (540B)")
        assert costed.estimates.numbers["board_power_watts"][palm] == watts
    assert all(item.source_url for item in training_runs.corrections())


def test_a_correction_without_a_source_is_refused(tmp_path):
    path = tmp_path / "corrections.yaml"
    path.write_text(
        "sources: {}\ncorrections:\n  - {table: t, key: k, column: c, as_published: 1,"
        " corrected: {value: 2, unit: watts, source: nobody}, reason: wrong}\n",
        encoding="utf-8",
    )
    with pytest.raises(ValueError, match="no source 'nobody'"):
        training_runs.corrections.__wrapped__(path)


def test_an_unknown_country_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="there are CY, FI, IE, US"):
        training_runs.electricity_by_year("XX")


def test_no_model_is_costed_twice_under_two_spellings(connection):
    connection.begin()
    connection.execute(
        "create or replace table core.training_run as select * replace (name as model)"
        " from core.training_run, (values ('Grok 3'), ('Tomorrow-1')) as t (name)"
    )
    added = [row.run.model for row in training.newer_models(connection)]
    connection.rollback()
    assert added == ["Tomorrow-1"]  # the bundled tables have Grok-3

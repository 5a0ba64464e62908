"""The six training tables: grain, intervals, reasons, and what the day's prices do to them."""

import importlib
from dataclasses import replace
from datetime import date

import duckdb
import pytest

from cost_engine.backtest import wilson_interval
from pipelines.derive import training_backtest, training_cost, training_runs
from pipelines.derive.registry import DERIVATIONS
from pipelines.derive.tracked_prices import tracked_prices
from warehouse.models import SQL_FOLDER, read_model
from warehouse.reference import bundled
from warehouse.reference.training import corrections, electricity_by_year

TABLES = (
    "training_cost",
    "training_then_and_now",
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
            create table marts.price_term_structure as
                select 'H100-SXM-80GB' as gpu_id, provider_id, 'neocloud' as market_family,
                    'us' as reference_region, months as commitment_months,
                    usd::double as usd_per_gpu_hour, demand::double as on_demand_usd_per_gpu_hour,
                    timestamp '2026-11-20 06:00' as oldest_seen_at
                from (values ('acme', 36, 1.2, 2.0), ('giant', 12, 7.0, null))
                    as t (provider_id, months, usd, demand);
            create table marts.gpu_price_now as
                select market_family, gpu_id, purchase_model, months::int as commitment_months,
                    'us' as reference_region, middle::double as middle_usd_per_gpu_hour,
                    middle * 0.5e0 as ask_low_usd_per_gpu_hour,
                    middle * 2e0 as ask_high_usd_per_gpu_hour,
                    middle * 0.8e0 as typical_low_usd_per_gpu_hour,
                    middle * 1.25e0 as typical_high_usd_per_gpu_hour,
                    providers::int as provider_count,
                    timestamp '2026-11-20 06:00:00' as oldest_seen_at,
                    'data_center' as gpu_class, date '2026-11-20' as day
                from (values
                    ('neocloud', 'H100-SXM-80GB', 'on_demand', null, 2.4, 5),
                    ('neocloud', 'A100-SXM-40GB', 'on_demand', null, 1.2, 2),
                    ('hyperscaler', 'H100-SXM-80GB', 'on_demand', null, 7.0, 3),
                    ('hyperscaler', 'A100-SXM-80GB', 'on_demand', null, 3.28, 3),
                    ('hyperscaler', 'A100-SXM-40GB', 'reserved', 36, 1.16, 3)
                ) as t (market_family, gpu_id, purchase_model, months, middle, providers);
            create table marts.gpu_set_offer (
                provider_id varchar, gpu_id varchar, gpu_count integer, purchase_model varchar,
                commitment_months integer, market_family varchar, reference_region varchar,
                usd_per_gpu_hour double, gpus_per_instance integer, seen_at timestamp
            );
            create table core.training_run as
                select 'Tomorrow-1' as model, date '2026-06-01' as published_on,
                    'Some Lab' as organization, 'France' as country, null::varchar as base_model,
                    1e12::double as parameters, 1e26::double as training_flops,
                    null::double as training_tokens, null::double as training_hours,
                    'NVIDIA H100 SXM5 80GB' as hardware, 20000.0::double as hardware_quantity,
                    5e7::double as gpu_hours, null::double as utilisation_fraction,
                    'Confident' as confidence, true as is_notable, null::varchar as link;
            """
        )
        for module, tables in DERIVATIONS.items():
            if tables == (f"marts.{module}",) and module in TABLES:
                importlib.import_module(f"pipelines.derive.{module}").derive(connection, DAY)
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
        assert rows(connection, check.sql.replace("{this}", f"marts.{table}")) == []


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
    assert row["carbon_kg"] == pytest.approx(row["energy_kwh"] * 0.044)


def test_today_means_fresh_prices_of_neoclouds_on_demand(connection):
    (row,) = rows(
        connection,
        "select * from marts.training_cost where model = 'GPT-4'"
        " and price_basis = 'tracked_same_chip'",
    )
    assert (row["usd_per_gpu_hour"], row["day"]) == (1.2, date(2026, 11, 20))
    assert row["usd_nominal"] == pytest.approx(1.2 * 57e6)
    assert (row["market_family"], row["purchase_model"]) == ("neocloud", "on_demand")
    assert row["provider_count"] == 2
    (then,) = rows(
        connection,
        "select * from marts.training_cost where model = 'GPT-4'"
        " and price_basis = 'clean' and method = 'rental'",
    )
    assert (then["purchase_model"], then["commitment_months"]) == ("reserved", 36)
    assert then["is_term_converted"] is False


def contracts(connection, model):
    found = rows(connection, f"from marts.training_then_and_now where model = '{model}'")
    return {row["purchase_model"]: row for row in found}


def test_then_and_now_are_the_same_contract_at_the_same_kind_of_seller(connection):
    gpt_4 = contracts(connection, "GPT-4")
    long = gpt_4["reserved"]
    assert (long["then_usd_per_gpu_hour"], long["now_usd_per_gpu_hour"]) == (1.36, 1.16)
    assert (long["then_provider_id"], long["market_family"]) == ("azure", "hyperscaler")
    assert long["change_fraction"] == pytest.approx(1.16 / 1.36 - 1)
    assert long["change_low_80"] == pytest.approx(1.16 / 1.36 * 0.8 - 1)
    assert long["is_same_chip"] and long["commitment_months"] == 36
    short = gpt_4["on_demand"]
    assert short["then_usd_per_gpu_hour"] == 3.4  # what the list of that day asked, not a discount
    assert short["now_usd_per_gpu_hour"] == 3.28


def test_a_chip_that_is_not_rented_out_any_more_is_replaced_by_name_for_the_same_compute(
    connection,
):
    replaced = contracts(connection, "GPT-4")["on_demand"]
    assert (replaced["now_gpu_id"], replaced["is_same_chip"]) == ("A100-SXM-80GB", False)
    assert replaced["now_gpu_hours"] == pytest.approx(replaced["gpu_hours"])  # the same peak
    gpt_3 = contracts(connection, "GPT-3 175B (davinci)")["on_demand"]
    assert gpt_3["now_gpu_id"] == "H100-SXM-80GB"
    assert gpt_3["now_gpu_hours"] == pytest.approx(gpt_3["gpu_hours"] * 125 / 989.4)


def test_a_side_without_a_price_of_its_contract_is_withheld_and_not_converted(connection):
    kept = contracts(connection, "GPT-3 175B (davinci)")["reserved"]
    assert kept["then_usd"] > 0 and kept["now_usd"] is None and kept["change_fraction"] is None
    assert "no fresh price of this contract" in kept["now_reason"]
    short = contracts(connection, "DeepSeek-V3")["reserved"]  # the H800 was listed on demand only
    assert short["then_usd"] is None and "no list price of this contract" in short["then_reason"]


def test_confidence_falls_with_age_providers_and_replacement(connection):
    steps = {"high": 0, "medium": 1, "low": 2}
    inputs = {
        row["model_number"]: row["confidence"]
        for row in rows(
            connection,
            "from marts.training_cost where method = 'rental' and price_basis = 'clean'"
            " and usd_nominal is not null",
        )
    }
    found = rows(connection, "from marts.training_then_and_now where change_fraction is not null")
    known = [row for row in found if row["model_number"] in inputs]
    assert any(not row["is_same_chip"] for row in known)
    assert any(row["confidence"] == "high" for row in known)
    for row in known:
        doubts = (row["now_provider_count"] < 3) + (not row["is_same_chip"])
        base = steps[inputs[row["model_number"]]]
        assert steps[row["confidence"]] >= min(base + doubts, 2), row


def test_a_chip_without_a_tracked_price_says_so(connection):
    (row,) = rows(
        connection,
        "select * from marts.training_cost where model = 'PaLM (540B)'"
        " and price_basis = 'tracked_same_chip'",
    )
    assert row["usd_nominal"] is None and "no fresh price of Google TPU v4" in row["reason"]


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
        "select * from marts.reservation_multiplier where gpu_id is null and commitment_months = 24"
        " and job_months = 2 and resale_fraction = 0",
    )
    assert row["multiplier"] == 12


def test_a_reservation_is_compared_with_the_same_machine_on_demand(connection):
    found = {
        row["provider_id"]: row
        for row in rows(
            connection,
            "select * from marts.reservation_multiplier where gpu_id = 'H100-SXM-80GB'"
            " and job_months = 18 and resale_fraction = 0",
        )
    }
    assert found["acme"]["break_even_months"] == pytest.approx(36 * 1.2 / 2)
    assert not found["acme"]["is_reserved_cheaper"]
    assert found["giant"]["multiplier"] == pytest.approx(24 / 18)  # two terms of twelve
    assert found["giant"]["is_reserved_cheaper"] is None
    assert "no price of the same machine on demand" in found["giant"]["reason"]


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
        assert tracked_prices(empty, DAY) == {"all": {}}
        assert training_runs.newer_models(empty, bundled()) == []
    part = training_runs.basis("clean")
    reasons = {row.get("reason") for row in training_cost.tracked_rows(part, {})}
    assert "no fresh price of H100-SXM-80GB, on demand, neoclouds, US" in reasons
    assert None not in reasons


@pytest.mark.parametrize("level", [0.8, 0.9])
def test_an_interval_of_unreported_hours_holds_as_many_as_it_says(level):
    inside, compared = training_backtest.coverage(training_runs.basis("clean"), level)["all"]
    # 306 report hours; of 60 or more the compute is made of them, 40 or more are on another model
    assert 150 < compared < 306 - 60 - 40
    low, high = wilson_interval(inside, compared)
    assert low < level < high


def test_a_run_on_top_of_another_model_counts_for_no_coverage():
    part = training_runs.basis("clean")
    compared = training_backtest.coverage(part)["all"][1]
    all_tuned = replace(
        part,
        estimates=replace(
            part.estimates, runs=[replace(run, base_model="other") for run in part.runs]
        ),
    )
    assert compared > 0 and training_backtest.coverage(all_tuned)["all"][1] == 0


def test_what_takes_the_reported_hours_is_called_a_recomputation(connection):
    truth = {row["case_id"]: row for row in rows(connection, "from marts.training_backtest")}
    kinds = {case: row["kind"] for case, row in truth.items()}
    assert kinds["llama2_hours"] == kinds["deepseek_stated_price"] == "recomputation"
    assert kinds["llama2_energy"] == kinds["gpt4_development"] == "prediction"


def test_corrections_take_effect_and_tell_their_source():
    clean = training_runs.basis("clean")
    hours = {
        run.model: float(value)
        for run, value in zip(clean.runs, clean.estimates.numbers["gpu_hours"], strict=True)
    }
    assert hours["Falcon-180B"] == 7_000_000
    assert hours["Llama 3.1-405B"] == 30_840_000
    published = training_runs.basis("2025-06")
    falcon = [run.model for run in published.runs].index("Falcon-180B")
    assert published.estimates.numbers["gpu_hours"][falcon] == 17_694_720
    for costed, watts in ((clean, 373), (published, 170)):
        palm = [run.model for run in costed.runs].index("PaLM (540B)")
        assert costed.estimates.numbers["board_power_watts"][palm] == watts
    assert all(item.source_url for item in corrections(bundled()))


def test_an_unknown_country_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="or one of CY, FI, IE, US, US-AZ"):
        electricity_by_year(bundled(), "XX")


def test_no_model_is_costed_twice_under_two_spellings(connection):
    connection.begin()
    connection.execute(
        "create or replace table core.training_run as select * replace (name as model)"
        " from core.training_run, (values ('Grok 3'), ('Tomorrow-1')) as t (name)"
    )
    added = [row.run.model for row in training_runs.newer_models(connection, bundled())]
    connection.rollback()
    assert added == ["Tomorrow-1"]  # the bundled tables have Grok-3

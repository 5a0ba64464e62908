"""The SQL macros of training give what the Python functions give."""

from pathlib import Path

import duckdb
import pytest

import warehouse
from cost_engine import compute, energy
from cost_engine.ownership import Ownership
from cost_engine.training import run as training
from cost_engine.training.development import with_staff
from pipelines.answers.own import settable
from pipelines.answers.training_choices import SETTABLE
from warehouse.macros import read_macros, run_formulas
from warehouse.reference import bundled

MACROS = Path(warehouse.__file__).parent / "sql" / "macros" / "training.sql"


@pytest.fixture
def connection():
    with duckdb.connect() as connection:
        connection.execute(
            """
            create schema core;
            create schema marts;
            create table core.gpu_peak as
                select * from (values
                    ('H100-SXM-80GB', 'bf16', false, 989.4e12::double),
                    ('H100-SXM-80GB', 'bf16', true, 1978.9e12),
                    ('H100-SXM-80GB', 'fp8', false, 1978.9e12),
                    ('V100-16GB', 'fp16', false, 125e12)
                ) as t (gpu_id, "precision", is_sparse, flops_per_second);
            create table marts.gpu_price_now as
                select * from (values
                    ('H100-SXM-80GB', 'on_demand', 'all', 'us', false, 9.0::double),
                    ('H100-SXM-80GB', 'on_demand', 'neocloud', 'us', true, 2.5),
                    ('H100-SXM-80GB', 'spot', 'neocloud', 'us', true, 1.0),
                    ('V100-16GB', 'on_demand', 'neocloud', 'us', true, 0.5)
                ) as t (gpu_id, purchase_model, market_family, reference_region,
                    is_default_basis, middle_usd_per_gpu_hour);
            create table marts.gpu_set_offer as
                select * from (values
                    ('H100-SXM-80GB', 'on_demand', 'neocloud', 'us', 8, 2.0::double),
                    ('H100-SXM-80GB', 'on_demand', 'hyperscaler', 'us', 8, 9.0),
                    ('H100-SXM-80GB', 'on_demand', 'neocloud', 'us', 1, 7.0)
                ) as t (gpu_id, purchase_model, market_family, reference_region, gpu_count,
                    usd_per_gpu_hour);
            """
        )
        run_formulas(connection)
        connection.execute(MACROS.read_text(encoding="utf-8"))
        yield connection


def one(connection, sql):
    return connection.execute(f"select {sql}").fetchall()[0][0]


def test_flops_equal_the_python_function(connection):
    got = one(connection, "training_flops(175e9, 300e9)")
    assert got == pytest.approx(compute.training_flops(175e9, 300e9), rel=1e-12)


def test_large_whole_numbers_do_not_overflow(connection):
    got = one(connection, "training_flops(405000000000, 15600000000000)")
    assert got == pytest.approx(compute.training_flops(405e9, 15.6e12), rel=1e-12)


@pytest.mark.parametrize(
    ("gpu_id", "price", "peak"), [("H100-SXM-80GB", 2.5, 989.4e12), ("V100-16GB", 0.5, 125e12)]
)
def test_cost_equals_the_python_function_at_the_newest_price(connection, gpu_id, price, peak):
    got = one(connection, f"training_usd(175e9, 300e9, '{gpu_id}', 0.4)")
    expected = training.training_usd(175e9, 300e9, price, peak, 0.4)
    assert got == pytest.approx(expected, rel=1e-12)


def test_goodput_and_all_runs_are_set_by_the_names_of_the_command(connection):
    plain = one(connection, "training_usd(175e9, 300e9, 'V100-16GB', 0.4)")
    got = one(
        connection,
        "training_usd(175e9, 300e9, 'V100-16GB', 0.4, goodput_fraction := 0.9,"
        " runs_multiplier := 2.2)",
    )
    assert got == pytest.approx(plain / 0.9 * 2.2, rel=1e-12)


def test_a_server_that_all_sell_above_the_middle_costs_what_they_ask(connection):
    connection.execute("update marts.gpu_set_offer set usd_per_gpu_hour = 4.0")
    got = one(connection, "training_usd(175e9, 300e9, 'H100-SXM-80GB', 0.4)")
    assert got == pytest.approx(training.training_usd(175e9, 300e9, 4.0, 989.4e12, 0.4), rel=1e-12)


def test_a_price_that_is_given_holds_for_any_gpu(connection):
    got = one(connection, "training_usd(175e9, 300e9, 'V100-16GB', 0.4, usd_per_gpu_hour := 0.25)")
    assert got == pytest.approx(training.training_usd(175e9, 300e9, 0.25, 125e12, 0.4), rel=1e-12)


def test_a_gpu_without_a_price_costs_null(connection):
    assert one(connection, "training_usd(175e9, 300e9, 'B200-180GB', 0.4)") is None


def test_energy_electricity_carbon_and_staff_equal_the_python_functions(connection):
    kwh = energy.energy_kwh(57e6, 400, 2.03125, 0.75, 1.25)
    for sql, expected in (
        ("training_kwh(57000000, 400, 2.03125, 0.75, 1.25)", kwh),
        (f"electricity_usd({kwh}, 0.0806)", energy.electricity_usd(kwh, 0.0806)),
        (f"carbon_kg({kwh}, 400)", energy.carbon_kg(kwh, 400)),
        ("with_staff(1000000, 0.3)", with_staff(1e6, 0.3)),
    ):
        assert one(connection, sql) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("interest_fraction", [0.09, 0])
def test_owning_equals_the_python_function(connection, interest_fraction):
    figures = {
        "purchase_usd": 28_000, "board_power_watts": 700, "usd_per_kwh": 0.09,
        "network_fraction": 0.19, "interest_fraction": interest_fraction, "lifetime_years": 5,
        "residual_fraction": 0.1, "server_power_ratio": 1.8, "pue": 1.25,
        "average_power_fraction": 0.75, "idle_power_fraction": 0.3,
        "space_usd_per_kilowatt_month": 184, "maintenance_fraction": 0.03,
        "team_usd_per_year": 3_000_000, "team_usd_per_gpu_year": 200,
    }  # fmt: skip
    given = figures | {"gpu_count": 4096, "fleet_utilisation_fraction": 0.7}
    [macro] = [each for each in read_macros() if each.name == "owned_usd_per_gpu_hour"]
    names = parameters(macro.statement)
    assert set(names) == set(given)
    got = one(connection, f"{macro.name}({', '.join(str(given[name]) for name in names)})")
    assert got == pytest.approx(Ownership(**figures).usd_per_gpu_hour(4096, 0.7), rel=1e-12)


def parameters(statement):
    listed = statement.split("(", 1)[1].split(")", 1)[0]
    return [one.split(":=")[0].strip() for one in listed.split(",")]


def test_what_set_changes_has_its_name_in_a_macro():
    """`--set NAME=VALUE` of train and own-vs-rent; two factors scale a price that macros take."""
    known = {name for macro in read_macros() for name in parameters(macro.statement)}
    scaling = {"purchase_price_factor", "electricity_factor"}
    assert (set(SETTABLE) | set(settable(bundled()))) - scaling <= known

"""The SQL macros of training give what the Python functions give."""

from pathlib import Path

import duckdb
import pytest

import warehouse
from cost_engine import compute
from cost_engine.training import run as training
from warehouse.macros import run_formulas

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

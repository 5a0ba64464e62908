"""Formulas of training cost: worked examples, kinds of argument, properties, refusals."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cost_engine import compute, energy, prices
from cost_engine.training import run as training

amounts = st.floats(1e-3, 1e9)

GPT4 = {
    "value_usd_at_start": 24_875 * 10 ** (-0.14 * 638 / 365.25),
    "gpu_hours": 57e6,
    "server_overhead": 1.66,
    "board_power_watts": 400.0,
    "server_power_ratio": 2.03125,
    "average_power_fraction": 0.75,
    "pue": 1.25,
    "usd_per_kwh": 0.0806,
}


def test_gpt4_costs_40_million_in_the_published_components():
    cost = training.run_cost(**GPT4)
    assert cost.chip_usd == pytest.approx(17_886_579, rel=1e-6)
    assert cost.server_usd == pytest.approx(11_805_142, rel=1e-6)
    assert cost.interconnect_usd == pytest.approx(6_964_725, rel=1e-6)
    assert cost.energy_usd == pytest.approx(3_499_488, rel=1e-6)
    assert cost.energy_kwh == pytest.approx(43_417_969, rel=1e-8)
    assert cost.total_usd == pytest.approx(40_155_934, rel=1e-7)
    assert training.acquisition_usd(25_000, 24_875) == pytest.approx(767_746_914, rel=1e-8)


def test_a_scalar_an_array_and_a_column_give_the_same_numbers():
    import pandas as pd

    scalar = training.run_cost(**GPT4).total_usd
    many = {name: np.full(3, value) for name, value in GPT4.items()}
    columns = {name: pd.Series(value) for name, value in many.items()}
    assert isinstance(scalar, float)
    np.testing.assert_array_equal(training.run_cost(**many).total_usd, np.full(3, scalar))
    np.testing.assert_array_equal(training.run_cost(**columns).total_usd, np.full(3, scalar))


@given(amounts, st.floats(1.01, 100))
def test_cost_is_proportional_to_gpu_hours(hours, factor):
    once = training.run_cost(**{**GPT4, "gpu_hours": hours})
    more = training.run_cost(**{**GPT4, "gpu_hours": hours * factor})
    assert more.total_usd == pytest.approx(once.total_usd * factor, rel=1e-9)


@given(st.floats(1e18, 1e27), st.floats(0.05, 1.0), st.floats(0.3, 1.0))
def test_gpu_hours_give_back_the_flops(flops, utilisation, goodput):
    hours = compute.gpu_hours(flops, 312e12, utilisation, goodput)
    assert hours * 3600 * 312e12 * utilisation * goodput == pytest.approx(flops)


@given(st.floats(1, 120), st.floats(0.1, 240), st.floats(0, 1))
def test_a_reservation_never_costs_less_than_its_list_price(term, job, resale):
    multiplier = prices.reservation_multiplier(term, job, resale)
    assert multiplier >= 1
    assert multiplier <= prices.reservation_multiplier(term, job)


def test_two_months_on_two_years_cost_twelve_times():
    assert prices.reservation_multiplier(24, 2) == 12.0


@given(st.floats(1, 60), st.floats(0.1, 10), st.floats(0.1, 10), st.floats(0, 0.9))
def test_at_break_even_both_offers_cost_the_same(term, reserved, on_demand, resale):
    months = prices.break_even_months(term, reserved, on_demand, resale)
    if reserved >= on_demand:
        assert math.isinf(months)
    elif months > 1e-6:
        paid = reserved * months * prices.reservation_multiplier(term, months, resale)
        assert paid == pytest.approx(on_demand * months, rel=1e-6)


def test_power_and_carbon_scale_with_energy():
    kwh = energy.energy_kwh(1_000, 700, 1.8, 0.75, 1.1)
    assert energy.energy_kwh(2_000, 700, 1.8, 0.75, 1.1) == 2 * kwh
    assert energy.carbon_kg(2 * kwh, 400) == pytest.approx(2 * energy.carbon_kg(kwh, 400))


@pytest.mark.parametrize("fit", ["original", "corrected"])
def test_the_optimum_of_a_fit_beats_its_neighbours(fit):
    law = compute.loss_law(fit)
    parameters, tokens = compute.optimal_parameters_and_tokens(1e24, fit)
    best = law.loss(parameters, tokens)
    assert parameters * tokens * 6 == pytest.approx(1e24)
    for factor in (0.8, 1.25):
        assert law.loss(parameters * factor, tokens / factor) > best
    assert compute.flops_for_loss(best, fit) == pytest.approx(1e24)


def test_twenty_tokens_a_parameter_is_the_rule():
    parameters, tokens = compute.optimal_parameters_and_tokens(5.76e23)
    assert tokens / parameters == pytest.approx(20)


@pytest.mark.parametrize("wrong", [0, -1, math.nan, math.inf, "many", None, np.array([1.0, 0.0])])
def test_a_wrong_number_is_refused_by_name(wrong):
    with pytest.raises(ValueError, match=r"tokens = .*: must be a finite number above 0"):
        compute.training_flops(1e9, wrong)


@pytest.mark.parametrize("wrong", [0.0, 1.01, 40, -0.1])
def test_utilisation_is_a_fraction(wrong):
    with pytest.raises(ValueError, match=r"utilisation_fraction = .*\(0, 1\]"):
        compute.gpu_hours(1e24, 312e12, wrong)


def test_a_loss_below_the_floor_of_the_fit_is_refused():
    with pytest.raises(ValueError, match="above the irreducible loss"):
        compute.flops_for_loss(1.5, "corrected")


def test_an_unknown_fit_is_refused_with_the_ones_there_are():
    with pytest.raises(ValueError, match="original, corrected"):
        compute.optimal_parameters_and_tokens(1e24, "palm")

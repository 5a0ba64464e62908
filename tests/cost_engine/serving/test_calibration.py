"""The spread of errors: what was measured, what was left out, and how far beyond the range."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cost_engine.serving.calibration import (
    Calibration,
    cost_interval,
    error_log_sd,
    extrapolation_factor,
    widened,
)
from cost_engine.serving.inputs import Labels, ServingConstants

CALIBRATION = Calibration(
    constants=ServingConstants({"model_speed.known": 1.0}),
    error_log_sd={"pair": 0.1, "gpu": 0.2, "model": 0.3},
    measured_range={
        "gpu_count": (1, 8),
        "input_tokens": (100, 10_000),
        "output_tokens": (100, 10_000),
        "parameters": (1e9, 1e12),
    },
    measured_gpus=frozenset({"known"}),
)
INSIDE = {"gpu_count": 8.0, "input_tokens": 1e3, "output_tokens": 1e3, "parameters": 7e10}


@pytest.mark.parametrize(
    ("model", "gpu", "spread"),
    [
        ("known", "known", 0.1),
        ("known", "new", 0.2),
        ("new", "known", 0.3),
        ("new", "new", math.hypot(0.2, 0.3)),
    ],
)
def test_the_spread_is_that_of_what_was_left_out(model: str, gpu: str, spread: float) -> None:
    found, is_beyond = error_log_sd(CALIBRATION, Labels.of([model]), Labels.of([gpu]), **INSIDE)
    assert found == pytest.approx([spread])
    assert not is_beyond.any()


def test_a_row_beyond_two_ranges_is_wider_than_beyond_one() -> None:
    one = Labels.of(["known"])
    spreads = [
        error_log_sd(CALIBRATION, one, one, **(INSIDE | beyond))[0][0]
        for beyond in ({}, {"gpu_count": 16.0}, {"gpu_count": 16.0, "input_tokens": 20_000.0})
    ]
    assert spreads == pytest.approx([0.1, 0.15, 0.2])


@given(st.floats(0.01, 1e4), st.floats(1.5, 100))
def test_an_extrapolation_is_symmetric_in_logarithms(value: float, times: float) -> None:
    assert extrapolation_factor(value * times, value, value) == pytest.approx(times)
    assert extrapolation_factor(value / times, value, value) == pytest.approx(times)


@given(st.floats(0, 1), st.floats(1, 100))
def test_an_extrapolation_never_narrows(spread: float, factor: float) -> None:
    assert widened(spread, factor) >= spread


@given(st.floats(0.1, 100), st.floats(1, 4), st.floats(1, 4), st.floats(0, 1))
def test_the_interval_holds_the_cost_and_the_prices(
    cost: float, below: float, above: float, spread: float
) -> None:
    low, high = cost_interval(cost, 1.0, 1 / below, above, spread)
    assert low <= cost / below * (1 + 1e-12)
    assert high >= cost * above * (1 - 1e-12)


def test_scalar_equals_array() -> None:
    lows, highs = cost_interval(np.array([1.0, 2.0]), 2.0, 1.6, 3.0, np.array([0.1, 0.2]))
    for place, (cost, spread) in enumerate(((1.0, 0.1), (2.0, 0.2))):
        assert cost_interval(cost, 2.0, 1.6, 3.0, spread) == (lows[place], highs[place])

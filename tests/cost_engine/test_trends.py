"""Growth of costs: exact lines, widening intervals, projections that hit, kinks where they are."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cost_engine.trends import (
    date_of_decimal_year,
    decimal_year,
    fitted_breakpoint,
    fitted_trend,
)

YEARS = np.array([2016.1, 2017.3, 2018.2, 2019.9, 2020.4, 2021.7, 2022.2, 2023.2])
NOISE = np.array([0.3, -0.2, 0.1, -0.4, 0.2, 0.3, -0.3, 0.1])
TREND = fitted_trend(YEARS, 10 ** (0.38 * (YEARS - 2016) + 4 + NOISE))


@given(st.floats(-1, 1), st.floats(0, 9))
def test_an_exact_line_is_recovered(slope, intercept):
    trend = fitted_trend(YEARS, 10.0 ** (slope * (YEARS - 2016) + intercept))
    assert trend.slope == pytest.approx(slope, abs=1e-9)
    assert trend.cost_usd(2016.0) == pytest.approx(10**intercept, rel=1e-6)


def test_it_agrees_with_scipy():
    from scipy.stats import linregress

    line = linregress(YEARS, np.log10(10 ** (0.38 * (YEARS - 2016) + 4 + NOISE)))
    assert TREND.slope == pytest.approx(line.slope)
    assert TREND.slope_error == pytest.approx(line.stderr)
    assert TREND.r_squared == pytest.approx(line.rvalue**2)


def test_intervals_widen_with_level_and_with_distance():
    narrow, wide = TREND.growth_interval(0.9), TREND.growth_interval(0.95)
    assert wide[0] < narrow[0] < TREND.growth_per_year < narrow[1] < wide[1]
    near, far = TREND.prediction_interval(2020.0), TREND.prediction_interval(2030.0)
    assert far[1] / far[0] > near[1] / near[0]


def test_the_projected_year_has_the_projected_cost():
    year = TREND.year_reached(1e9)
    assert TREND.cost_usd(year) == pytest.approx(1e9)
    anchored = TREND.year_reached(1e9, "max")
    grown = TREND.anchor_usd * TREND.growth_per_year ** (anchored - TREND.anchor_year)
    assert grown == pytest.approx(1e9)
    assert TREND.year_reached(1e9, "max", growth_per_year=3.0) < anchored


def test_the_anchored_form_of_the_paper_reaches_a_billion_in_2026():
    # GPT-4, 40.59 M USD in March 2023, growing 2.407 times a year.
    years = decimal_year(date(2023, 3, 15)) + np.array([-2.0, -1.0, 0.0])
    trend = fitted_trend(years, 40_586_593 * 2.40727 ** np.array([-2.0, -1.0, 0.0]))
    assert trend.year_reached(1e9, "max") == pytest.approx(2026.85, abs=0.01)


def test_a_falling_cost_never_reaches_a_higher_one():
    falling = fitted_trend([2020, 2021, 2022], [4e6, 2e6, 1e6])
    with pytest.raises(ValueError, match="above 1"):
        falling.year_reached(1e9)


@pytest.mark.parametrize(
    ("years", "costs", "message"),
    [
        ([2020, 2021], [1e6, 2e6], "3 or more"),
        ([2020, 2020, 2020], [1e6, 2e6, 3e6], "two different dates"),
        ([2020, 2021, 2022], [1e6, 0.0, 3e6], "above 0"),
    ],
)
def test_too_little_to_fit_is_refused(years, costs, message):
    with pytest.raises(ValueError, match=message):
        fitted_trend(years, costs)


def test_a_straight_line_supports_no_kink_and_a_bent_one_does():
    years = np.linspace(2010, 2024, 40)
    noise = np.random.default_rng(1).normal(0, 0.1, 40)
    assert not fitted_breakpoint(years, 10 ** (0.3 * (years - 2010) + noise)).is_supported
    bent = fitted_breakpoint(years, 10 ** (np.maximum(years - 2016, 0) * 0.5 + noise))
    assert bent.is_supported and bent.year == pytest.approx(2016, abs=1)


@given(st.dates(date(1990, 1, 1), date(2060, 12, 31)))
def test_a_date_survives_the_decimal_year(day):
    assert abs((date_of_decimal_year(decimal_year(day)) - day).days) <= 1

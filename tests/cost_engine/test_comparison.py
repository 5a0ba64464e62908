"""Comparisons: A over B is the inverse of B over A, with its ends, and few pairs are not sure."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cost_engine.comparison import Figure, Ratio, matched_ratio, ratio

POSITIVE = st.floats(1e-6, 1e6)
FACTOR = st.floats(1.0, 100.0)
FIGURES = st.builds(
    lambda value, below, above, has_interval: (
        Figure(value, value / below, value * above) if has_interval else Figure(value)
    ),
    POSITIVE,
    FACTOR,
    FACTOR,
    st.booleans(),
)
PAIRS = st.lists(st.tuples(POSITIVE, POSITIVE), min_size=1, max_size=40)


def assert_inverse(one: Ratio, other: Ratio) -> None:
    assert one.value * other.value == pytest.approx(1)
    assert (one.low is None) == (other.high is None)
    if one.low is not None and other.high is not None:
        assert one.low * other.high == pytest.approx(1)
    if one.high is not None and other.low is not None:
        assert one.high * other.low == pytest.approx(1)


@given(FIGURES, FIGURES)
def test_a_ratio_is_the_inverse_of_the_other_way_round(a: Figure, b: Figure) -> None:
    assert_inverse(ratio(a, b), ratio(b, a))


@given(PAIRS)
def test_a_matched_ratio_is_the_inverse_of_the_other_way_round(pairs) -> None:
    a, b = zip(*pairs, strict=True)
    assert_inverse(matched_ratio(a, b), matched_ratio(b, a))


@given(FIGURES, FIGURES, FACTOR)
def test_a_wider_figure_never_gives_a_narrower_ratio(a: Figure, b: Figure, wider: float) -> None:
    wide = Figure(a.value, (a.low or a.value) / wider, (a.high or a.value) * wider)
    narrow, found = ratio(a, b), ratio(wide, b)
    assert found.low is not None and found.high is not None
    assert found.low <= (narrow.low or narrow.value) * (1 + 1e-12)
    assert found.high >= (narrow.high or narrow.value) * (1 - 1e-12)


@given(PAIRS, POSITIVE)
def test_the_unit_of_money_does_not_matter(pairs, usd_per_unit: float) -> None:
    a, b = (np.array(side) for side in zip(*pairs, strict=True))
    dollars, other = matched_ratio(a, b), matched_ratio(a / usd_per_unit, b / usd_per_unit)
    assert other.value == pytest.approx(dollars.value)


@pytest.mark.parametrize("count", range(4, 60))
def test_the_interval_holds_at_least_80_percent_and_is_the_narrowest_that_does(count: int) -> None:
    """Ranks r and n + 1 - r hold the median unless fewer than r of n fall on one side of it."""
    found = matched_ratio(np.arange(1.0, count + 1), np.ones(count))
    assert found.low is not None and found.high is not None
    rank = round(found.low)
    assert round(found.high) == count + 1 - rank

    def outside(ranks: int) -> float:
        return 2 * sum(math.comb(count, k) for k in range(ranks)) / 2**count

    assert outside(rank) <= 0.2 < outside(rank + 1)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_few_pairs_have_no_interval(count: int) -> None:
    found = matched_ratio([2.0] * count, [1.0] * count)
    assert found == Ratio(pytest.approx(2.0))


@pytest.mark.parametrize(
    ("a", "b"), [([], []), ([1.0], [1.0, 2.0]), ([0.0], [1.0]), ([math.nan], [1.0])]
)
def test_what_is_no_pair_of_prices_is_refused(a, b) -> None:
    with pytest.raises(ValueError, match="must be"):
        matched_ratio(a, b)


@pytest.mark.parametrize("wrong", [Figure(0.0), Figure(1.0, 2.0, 3.0), Figure(1.0, 0.5, 0.9)])
def test_an_interval_that_does_not_hold_its_figure_is_refused(wrong: Figure) -> None:
    with pytest.raises(ValueError, match="low <= value <= high"):
        ratio(wrong, Figure(1.0))

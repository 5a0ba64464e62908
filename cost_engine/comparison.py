"""Two prices, or two price lists, held against each other.

Pure arithmetic on floats and arrays. Which prices belong together is decided by the caller.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

COVERAGE = 0.8


@dataclass(frozen=True)
class Ratio:
    """A ratio and its 80 % interval, None where the evidence gives none [1]."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Figure:
    """A positive figure and the ends of its interval, None where it has none."""

    value: float
    low: float | None = None
    high: float | None = None


def ratio(a: Figure, b: Figure) -> Ratio:
    """Return how many times as much one figure is as another.

    The two errors are taken as independent: their distances add as squares, on a log scale. A
    figure without an interval counts as exact. The ratio of B to A is the inverse, and so are its
    ends.

    Parameters
    ----------
    a, b : Figure
        In one unit.

    Raises
    ------
    ValueError
        If a figure or an end of its interval is not positive, or the ends are in the wrong order.

    Examples
    --------
    >>> ratio(Figure(3.0), Figure(2.0))
    Ratio(value=1.5, low=None, high=None)
    >>> found = ratio(Figure(3.0, 2.0, 4.5), Figure(2.0))
    >>> round(found.value, 3), round(found.low, 3), round(found.high, 3)
    (1.5, 1.0, 2.25)
    """
    (a_below, a_above), (b_below, b_above) = _log_distances(a), _log_distances(b)
    middle = a.value / b.value
    if a.low is None and b.low is None:
        return Ratio(middle)
    return Ratio(
        middle,
        middle * math.exp(-math.hypot(a_below, b_above)),
        middle * math.exp(math.hypot(a_above, b_below)),
    )


def _log_distances(figure: Figure) -> tuple[float, float]:
    """Return how far below and above a figure its interval reaches, on a log scale."""
    low = figure.value if figure.low is None else figure.low
    high = figure.value if figure.high is None else figure.high
    if not 0 < low <= figure.value <= high < math.inf:
        raise ValueError(f"must be 0 < low <= value <= high, not {low}, {figure.value}, {high}")
    return math.log(figure.value / low), math.log(high / figure.value)


def matched_ratio(prices_a: ArrayLike, prices_b: ArrayLike) -> Ratio:
    """Return the median ratio of prices of the same things, with an interval of at least 80 %.

    The interval lies between two of the ratios, by the sign test: each ratio is above the true
    median with a probability of one half, whatever the distribution. Fewer than four pairs give no
    interval, because even the least and the greatest of three hold the median in 75 % of cases.

    Parameters
    ----------
    prices_a, prices_b : array, shape (pair,)
        Prices of the same things, in the same order and unit.

    Raises
    ------
    ValueError
        If there is no pair, the shapes differ, or a price is not positive.

    Examples
    --------
    >>> matched_ratio([2.0, 2.0], [1.0, 1.0])
    Ratio(value=2.0, low=None, high=None)
    >>> found = matched_ratio([2.0, 3.0, 4.0, 5.0], [1.0] * 4)
    >>> round(found.value, 4), round(found.low, 4), round(found.high, 4)
    (3.4641, 2.0, 5.0)
    """
    a, b = np.asarray(prices_a, dtype=float), np.asarray(prices_b, dtype=float)
    if a.ndim != 1 or a.shape != b.shape or not a.size:
        raise ValueError(f"must be pairs of prices, not of shapes {a.shape} and {b.shape}")
    if not (np.isfinite(a) & np.isfinite(b) & (a > 0) & (b > 0)).all():
        raise ValueError("every price must be above 0")
    logs = np.sort(np.log(a / b))
    middle = float(np.exp(np.median(logs)))
    # Ranks outside of which the true median lies with a probability of at most 20 %.
    tails = itertools.accumulate(math.comb(logs.size, rank) for rank in range(logs.size))
    both_tails = (2 * tail / 2**logs.size for tail in tails)
    outside = sum(1 for _ in itertools.takewhile(lambda p: p <= 1 - COVERAGE, both_tails)) - 1
    if outside < 0:
        return Ratio(middle)
    return Ratio(middle, float(np.exp(logs[outside])), float(np.exp(logs[-1 - outside])))

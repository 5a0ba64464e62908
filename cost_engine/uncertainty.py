"""Distributions, quantiles and intervals of costs that are products of uncertain factors.

Draws come from a generator that the caller seeds. Which factor is uncertain by how much for which
model is decided in ``training.spreads``; people and experiments are in ``training.development``.
scipy is imported inside the functions that need it, because it would slow down every command.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cost_engine.units import Number, positive

Draws = NDArray[np.float64]

NORMAL_90TH_PERCENTILE = 1.2815515655446004
"""90th percentile of the standard normal distribution. [1] scipy.special.ndtri(0.9)"""
NORMAL_95TH_PERCENTILE = 1.6448536269514722
"""95th percentile of the standard normal distribution. [1] scipy.special.ndtri(0.95)"""
DECILE_DISTANCE = 2 * NORMAL_90TH_PERCENTILE
"""From the 10th to the 90th percentile of a normal distribution. [standard deviations]"""


def lognormal_parameters(low: Number, high: Number) -> tuple[Number, Number]:
    """Return mean and deviation of the logarithm, from the 5th and the 95th percentile.

    Parameters
    ----------
    low, high : float or array
        5th and 95th percentile, in the unit of the quantity.

    Returns
    -------
    tuple of float or array
        Of the natural logarithm. [1]

    Raises
    ------
    ValueError
        If the percentiles are not positive and in order.

    Examples
    --------
    >>> mean, deviation = lognormal_parameters(1.2, 4.0)
    >>> round(math.exp(mean), 3), round(deviation, 3)
    (2.191, 0.366)
    """
    low, high = positive("low", low), positive("high", high)
    if isinstance(low, (int, float)) and isinstance(high, (int, float)):
        if low > high:
            raise ValueError(f"low = {low!r}: must not be above high = {high!r}")
        return (
            (math.log(low) + math.log(high)) / 2,
            math.log(high / low) / (2 * NORMAL_95TH_PERCENTILE),
        )
    if bool(np.any(np.asarray(low) > np.asarray(high))):
        raise ValueError("low: must not be above high, element by element")
    return (
        (np.log(low) + np.log(high)) / 2,
        np.log(np.asarray(high) / np.asarray(low)) / (2 * NORMAL_95TH_PERCENTILE),
    )


def lognormal(
    generator: np.random.Generator, low: float, high: float, size: int | tuple[int, ...]
) -> Draws:
    """Return draws of a lognormal with the given 5th and 95th percentiles.

    Examples
    --------
    >>> draws = lognormal(np.random.default_rng(1), 1.2, 4.0, 100_000)
    >>> np.round(np.quantile(draws, [0.05, 0.5, 0.95]), 1).tolist()
    [1.2, 2.2, 4.0]
    """
    mean, deviation = lognormal_parameters(low, high)
    return generator.lognormal(mean, deviation, size)


def normal(
    generator: np.random.Generator, low: float, high: float, size: int | tuple[int, ...]
) -> Draws:
    """Return draws of a normal with the given 5th and 95th percentiles.

    Examples
    --------
    >>> draws = normal(np.random.default_rng(1), -1.0, 3.0, 100_000)
    >>> round(float(draws.mean()), 1)
    1.0
    """
    return generator.normal((low + high) / 2, (high - low) / (2 * NORMAL_95TH_PERCENTILE), size)


def lognormal_percentile(low: float, high: float, percentile: float) -> float:
    """Return another percentile of the lognormal with 5th and 95th percentiles ``low``, ``high``.

    Examples
    --------
    >>> round(lognormal_percentile(1.2, 4.0, 0.95), 6)
    4.0
    """
    from scipy.special import ndtri

    mean, deviation = lognormal_parameters(low, high)
    return math.exp(mean + deviation * float(ndtri(percentile)))


def interval(draws: Draws, level: float = 0.9, axis: int = -1) -> tuple[Number, Number]:
    """Return the central interval that holds ``level`` of the draws.

    Examples
    --------
    >>> low, high = interval(np.arange(101.0), 0.8)
    >>> round(low, 6), round(high, 6)
    (10.0, 90.0)
    """
    if not 0 < level < 1:
        raise ValueError(f"level = {level!r}: must be a fraction in (0, 1)")
    low, high = np.quantile(draws, [0.5 - level / 2, 0.5 + level / 2], axis=axis)
    if low.ndim == 0:
        return float(low), float(high)
    return low, high


def sorted_quantiles(draws: Draws, quantiles: Sequence[float]) -> Draws:
    """Return the order statistics nearest to ``quantiles`` of each row, shape (q, n).

    Examples
    --------
    >>> sorted_quantiles(np.arange(101.0)[None, :], (0.05, 0.5)).tolist()
    [[5.0], [50.0]]
    """
    places = [round(quantile * (draws.shape[1] - 1)) for quantile in quantiles]
    ordered = np.partition(draws, sorted(set(places)), axis=1)
    return np.stack([ordered[:, place] for place in places])


def product_interval(
    central_usd: Number, log_mean: Number, log_deviation: Number, level: float = 0.9
) -> tuple[Number, Number]:
    """Return the interval of a central value times a lognormal factor, in closed form.

    Parameters
    ----------
    central_usd : float or array
        [USD]
    log_mean, log_deviation : float or array
        Of the factor. [1]
    level : float
        [1]

    Examples
    --------
    >>> low, high = product_interval(100.0, 0.0, 0.4214)
    >>> round(low), round(high)
    (50, 200)
    """
    from scipy.special import ndtri

    if not 0 < level < 1:
        raise ValueError(f"level = {level!r}: must be a fraction in (0, 1)")
    margin = float(ndtri(0.5 + level / 2)) * np.asarray(log_deviation, dtype=float)
    low = central_usd * np.exp(log_mean - margin)
    high = central_usd * np.exp(log_mean + margin)
    return (float(low), float(high)) if np.ndim(low) == 0 else (low, high)


def log_deviation_between_deciles(p10: Number, p90: Number) -> Number:
    """Return the deviation of the logarithm of a lognormal from its 10th and 90th percentile [1].

    Parameters
    ----------
    p10, p90 : float or array
        In the unit of the quantity.

    Examples
    --------
    >>> round(float(log_deviation_between_deciles(1.9, 3.9)), 4)
    0.2806
    """
    return np.log(p90 / p10) / DECILE_DISTANCE


def upper_factor(log_deviation: Number) -> Number:
    """Return the 95th percentile of a lognormal over its median [1].

    Examples
    --------
    >>> round(float(upper_factor(0.4214)), 3)
    2.0
    """
    return np.exp(NORMAL_95TH_PERCENTILE * log_deviation)


def widened_to_90_percent(low: float, high: float) -> tuple[float, float]:
    """Return the 5th and 95th percentile of a lognormal from its 10th and 90th over the median [1].

    Parameters
    ----------
    low, high : float
        10th and 90th percentile over the median. [1]

    Examples
    --------
    >>> low, high = widened_to_90_percent(0.575, 1.4)
    >>> round(low, 3), round(high, 3)
    (0.492, 1.54)
    """
    stretch = 2 * NORMAL_95TH_PERCENTILE / DECILE_DISTANCE
    return float(low**stretch), float(high**stretch)

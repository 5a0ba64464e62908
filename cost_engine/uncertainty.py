"""Distributions, quantiles and variance shares for costs that are products of uncertain factors.

Draws come from a generator that the caller seeds. Which factor is uncertain by how much for which
model is decided in ``training_uncertainty``; people and experiments are in ``development``.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from cost_engine.units import Number, positive

Draws = NDArray[np.float64]

NORMAL_95TH_PERCENTILE = 1.6448536269514722
"""95th percentile of the standard normal. [1]"""


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

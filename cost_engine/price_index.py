"""The price index of a day from one price a provider: trimming, median, fewest providers.

Pure arithmetic. The rules are those of docs/methodology/index.md. The warehouse computes the same
in SQL, and ``truecost verify index`` compares the two. Which offers represent a provider is not
decided here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log
from statistics import median

MINIMUM_PROVIDERS = 3
"""Fewest providers after trimming. [1]"""

TRIM_DISTANCE = 3.5
"""Distance from the median beyond which a price is trimmed. [robust standard deviation]"""

NORMAL_CONSISTENCY = 0.6745
"""Median absolute deviation of a normal distribution with standard deviation 1. [1]"""

SMALLEST_SCALE = log(1.05)
"""Smallest scale. List prices cluster, so a spread under 5 % is not a measure of distance. [ln]"""


@dataclass(frozen=True)
class IndexValue:
    """The index of one day, and which contributors count."""

    usd_per_gpu_hour: float | None  # None: fewer than three contributors count
    is_counted: tuple[bool, ...]  # one for each contributor, in the order given


def log_distances(usd_per_gpu_hour: Sequence[float]) -> list[float]:
    """Return how far each price is from the median, in robust standard deviations.

    Parameters
    ----------
    usd_per_gpu_hour : sequence of float
        One price a contributor, each above zero. [USD / (GPU h)]

    Returns
    -------
    list of float
        On the logarithm of the price, signed. [1]

    Raises
    ------
    ValueError
        If a price is not above zero.

    Examples
    --------
    >>> [round(z, 1) for z in log_distances([2.0, 2.1, 2.2, 20.0])]
    [-1.0, -0.3, 0.3, 30.8]
    """
    if any(price <= 0 for price in usd_per_gpu_hour):
        raise ValueError(f"usd_per_gpu_hour = {min(usd_per_gpu_hour)}: must be above 0")
    logs = [log(price) for price in usd_per_gpu_hour]
    if not logs:
        return []
    middle = median(logs)
    scale = max(median(abs(value - middle) for value in logs), SMALLEST_SCALE)
    return [NORMAL_CONSISTENCY * (value - middle) / scale for value in logs]


def index_value(usd_per_gpu_hour: Sequence[float]) -> IndexValue:
    """Return the median price after trimming, or None if too few providers remain.

    Parameters
    ----------
    usd_per_gpu_hour : sequence of float
        The median of each independent provider, above zero. [USD / (GPU h)]

    Returns
    -------
    IndexValue
        The value, and which contributors count. [USD / (GPU h)]

    Raises
    ------
    ValueError
        If a price is not above zero.

    Examples
    --------
    A misplaced decimal point is trimmed. Two providers are no market.

    >>> index_value([2.0, 2.1, 2.2, 20.0])
    IndexValue(usd_per_gpu_hour=2.1, is_counted=(True, True, True, False))
    >>> index_value([2.0, 2.1]).usd_per_gpu_hour is None
    True
    """
    counted = tuple(abs(z) <= TRIM_DISTANCE for z in log_distances(usd_per_gpu_hour))
    kept = [price for price, is_in in zip(usd_per_gpu_hour, counted, strict=True) if is_in]
    return IndexValue(median(kept) if len(kept) >= MINIMUM_PROVIDERS else None, counted)

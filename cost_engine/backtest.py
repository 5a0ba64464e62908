"""How far predictions are from what was measured or reported, and how often intervals hold it.

Pure arithmetic on floats or arrays. Which cases are compared is decided by the caller.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

NORMAL_975TH_PERCENTILE = 1.959964
"""Of the standard normal distribution. [1]"""


def relative_error(predicted: float, expected: float) -> float:
    """Return the relative error of a prediction, the absolute one where zero is expected [1].

    Examples
    --------
    >>> round(relative_error(1.1, 1.0), 6), relative_error(0.5, 0.0)
    (0.1, 0.5)
    """
    return abs(predicted) if expected == 0 else abs(predicted / expected - 1)


def ratio_to_range(predicted: float, low: float, high: float | None = None) -> float:
    """Return a prediction over the nearer end of a reported range, 1 inside it [1].

    Parameters
    ----------
    predicted, low : float
    high : float, optional
        Default: one value was reported, ``low``.

    Examples
    --------
    >>> ratio_to_range(3.0, 2.0), ratio_to_range(3.0, 2.0, 4.0), ratio_to_range(8.0, 2.0, 4.0)
    (1.5, 1.0, 2.0)
    """
    end = high or low
    if low <= predicted <= end:
        return 1.0
    return predicted / (low if predicted < low else end)


def is_within_ratio(ratio: float, tolerance_ratio: float) -> bool:
    """Return whether a ratio is within a tolerance, either way.

    Examples
    --------
    >>> is_within_ratio(0.6, 2.0), is_within_ratio(2.5, 2.0)
    (True, False)
    """
    return 1 / tolerance_ratio <= ratio <= tolerance_ratio


def is_interval_met(low: float, high: float, reported: float, reported_high: float | None) -> bool:
    """Return whether an interval meets a reported value or range.

    Examples
    --------
    >>> is_interval_met(1.0, 3.0, 2.0, None), is_interval_met(1.0, 3.0, 4.0, 5.0)
    (True, False)
    """
    return low <= (reported_high or reported) and reported <= high


def coverage(
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    reported: NDArray[np.float64],
    is_counted: NDArray[np.bool_],
) -> tuple[int, int]:
    """Return how many reported values lie in their interval, and how many are compared.

    Examples
    --------
    >>> low, high = np.array([1.0, 1.0]), np.array([3.0, 3.0])
    >>> coverage(low, high, np.array([2.0, 4.0]), np.array([True, True]))
    (1, 2)
    """
    is_inside = (low <= reported) & (reported <= high)
    return int((is_inside & is_counted).sum()), int(is_counted.sum())


def wilson_interval(successes: int, count: int) -> tuple[float, float]:
    """Return the 95 % interval of a share that was counted [1].

    Wilson 1927, doi:10.1080/01621459.1927.10502953.

    Examples
    --------
    >>> low, high = wilson_interval(40, 50)
    >>> round(low, 2), round(high, 2)
    (0.67, 0.89)
    """
    z = NORMAL_975TH_PERCENTILE
    share = successes / count
    middle = share + z**2 / (2 * count)
    width = z * float(np.sqrt(share * (1 - share) / count + z**2 / (4 * count**2)))
    scale = 1 + z**2 / count
    return (middle - width) / scale, (middle + width) / scale

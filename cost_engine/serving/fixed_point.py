"""The batch at which two rates agree, found by halving its logarithm.

Pure arithmetic on arrays. What the rates are belongs to ``pools`` and ``open_loop``.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from cost_engine.serving.inputs import Floats

BISECTIONS = 24
"""Halvings of the logarithm of a batch. They meet it to about 1e-6."""

SMALLEST_BATCH = 1e-3
"""Mean sequences of a worker, where the search starts. [sequence]"""


def bisected_batch(is_low: Callable[[Floats], NDArray[np.bool_]], most: Floats) -> Floats:
    """Return where a batch stops to be too small.

    Parameters
    ----------
    is_low : callable
        Whether each of some batches is too small.
    most : array
        Upper bound of the answer. [sequence]

    Returns
    -------
    array of float
        At most ``most``. [sequence]

    Examples
    --------
    >>> bisected_batch(lambda batch: batch**2 < 9, np.array([1.0, 100.0])).round(4)
    array([1., 3.])
    """
    high = np.log(np.maximum(most, 2 * SMALLEST_BATCH))
    low = np.full_like(high, np.log(SMALLEST_BATCH))
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        below = is_low(np.exp(middle))
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    found: Floats = np.exp((low + high) / 2)
    return found

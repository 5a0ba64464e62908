"""Unit conversions and the checks every formula makes on its arguments.

Constants are exact by definition or carry a source. Nothing here knows a price, a chip or a model.
"""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Number: TypeAlias = Any
"""A float, or anything numpy can broadcast (array, column); results keep the argument's kind."""

SECONDS_PER_HOUR = 3600.0
HOURS_PER_DAY = 24.0
DAYS_PER_YEAR = 365.25
"""Julian year [d]."""
HOURS_PER_YEAR = DAYS_PER_YEAR * HOURS_PER_DAY
"""8766 h, the year that Cottier et al. use [h]."""
MONTHS_PER_YEAR = 12.0
HOURS_PER_MONTH = HOURS_PER_YEAR / MONTHS_PER_YEAR
"""730.5 h [h]."""
DAYS_PER_MONTH = DAYS_PER_YEAR / MONTHS_PER_YEAR
"""30.4375 d [d]."""
HOURS_PER_MONTH_OF_365_DAYS = 8760.0 / MONTHS_PER_YEAR
"""730 h: a twelfth of a year of 365 days, by which clouds state monthly rates [h]."""
WATTS_PER_KILOWATT = 1e3
KILOWATT_HOURS_PER_MEGAWATT_HOUR = 1e3
KILOGRAMS_PER_TONNE = 1e3
GIGABYTE = 1e9
"""[byte]"""
GIBIBYTE = 2.0**30
"""[byte]"""
BITS_PER_BYTE = 8.0
TERAFLOP = 1e12
EXAFLOP = 1e18
MILLION = 1e6


def unwrapped(value: Number) -> Number:
    """Return a zero-dimensional array as a float and anything else as it is.

    Examples
    --------
    >>> unwrapped(np.array(2.5))
    2.5
    """
    if isinstance(value, np.generic) or (isinstance(value, np.ndarray) and value.ndim == 0):
        return value.item()
    return value


def positive(name: str, value: Number) -> Number:
    """Return ``value`` if all of it is finite and above zero.

    Raises
    ------
    ValueError
        With the name, the first offending value and what is allowed.

    Examples
    --------
    >>> positive("gpu_count", 8)
    8
    >>> positive("gpu_count", 0)
    Traceback (most recent call last):
    ValueError: gpu_count = 0: must be a finite number above 0
    """
    return _bounded(name, value, 0.0, math.inf, "a finite number above 0", is_low_open=True)


def non_negative(name: str, value: Number) -> Number:
    """Return ``value`` if all of it is finite and not below zero.

    Examples
    --------
    >>> non_negative("resale_fraction", 0.0)
    0.0
    """
    return _bounded(name, value, 0.0, math.inf, "a finite number of at least 0")


def fraction(name: str, value: Number, *, is_zero_allowed: bool = False) -> Number:
    """Return ``value`` if all of it lies in (0, 1], or in [0, 1] where zero is allowed.

    Examples
    --------
    >>> fraction("utilisation_fraction", 0.4)
    0.4
    >>> fraction("utilisation_fraction", 40)
    Traceback (most recent call last):
    ValueError: utilisation_fraction = 40: must be a fraction in (0, 1]
    """
    if is_zero_allowed:
        return _bounded(name, value, 0.0, 1.0, "a fraction in [0, 1]")
    return _bounded(name, value, 0.0, 1.0, "a fraction in (0, 1]", is_low_open=True)


def finite(name: str, value: Number) -> Number:
    """Return ``value`` if all of it is finite.

    Examples
    --------
    >>> finite("years", -1.5)
    -1.5
    """
    return _bounded(name, value, -math.inf, math.inf, "a finite number")


def _bounded(
    name: str, value: Number, low: float, high: float, allowed: str, *, is_low_open: bool = False
) -> Number:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        is_good = (
            math.isfinite(value) and low <= value <= high and not (is_low_open and value <= low)
        )
        if is_good:
            return value
        raise ValueError(f"{name} = {value!r}: must be {allowed}")
    try:
        numbers: NDArray[np.float64] = np.asarray(value, dtype=float)
    except (TypeError, ValueError):
        raise ValueError(f"{name} = {value!r}: must be {allowed}") from None
    is_wrong = ~np.isfinite(numbers) | (numbers < low) | (numbers > high)
    if is_low_open:
        is_wrong |= numbers <= low
    if bool(is_wrong.any()):
        offender = numbers[is_wrong].flat[0] if numbers.ndim else numbers.item()
        raise ValueError(f"{name} = {float(offender)!r}: must be {allowed}")
    return value if isinstance(value, np.ndarray) or hasattr(value, "__array__") else numbers

"""What a unit of hardware costs: a FLOP, a gigabyte of memory, a terabyte a second.

Pure arithmetic on floats or arrays. Prices and figures of chips come in as arguments. What tokens
cost belongs to ``serving``, what a training run costs to ``training``.
"""

from __future__ import annotations

import numpy as np

from cost_engine.units import (
    EXAFLOP,
    GIGABYTE,
    HOURS_PER_YEAR,
    SECONDS_PER_HOUR,
    WATTS_PER_KILOWATT,
    Number,
    fraction,
    non_negative,
    positive,
    unwrapped,
)

TERABYTE = 1e12
"""[byte]"""


def usd_per_exaflop(
    usd_per_gpu_hour: Number, flops_per_second: Number, utilisation_fraction: Number = 1.0
) -> Number:
    """Return the rental cost of 10^18 FLOPs, at the dense peak or at a share of it.

    Parameters
    ----------
    usd_per_gpu_hour : float or array
        [USD / (GPU h)]
    flops_per_second : float or array
        Dense peak, never the one with structured sparsity. [FLOP / s]
    utilisation_fraction : float or array
        1 for the peak; 0.4 is common in training, 0.5 to 0.75 in prefill. [1]

    Returns
    -------
    float or array
        [USD / 10^18 FLOP]

    Examples
    --------
    An H100 at $1.30 an hour, 16 bits.

    >>> round(usd_per_exaflop(1.30, 989e12), 3)
    0.365
    """
    return (
        positive("usd_per_gpu_hour", usd_per_gpu_hour)
        / SECONDS_PER_HOUR
        * EXAFLOP
        / positive("flops_per_second", flops_per_second)
        / fraction("utilisation_fraction", utilisation_fraction)
    )


def usd_per_gigabyte_hour(usd_per_gpu_hour: Number, memory_bytes: Number) -> Number:
    """Return the rental cost of a gigabyte of GPU memory for an hour [USD / (GB h)].

    Examples
    --------
    >>> usd_per_gigabyte_hour(1.30, 80e9)
    0.01625
    """
    gigabytes = positive("memory_bytes", memory_bytes) / GIGABYTE
    return positive("usd_per_gpu_hour", usd_per_gpu_hour) / gigabytes


def usd_per_terabyte_per_second_hour(
    usd_per_gpu_hour: Number, bandwidth_bytes_per_second: Number
) -> Number:
    """Return the rental cost of a terabyte a second for an hour [USD s / (TB h)].

    Decoding is mostly bound by bandwidth, so this is what its tokens cost.

    Examples
    --------
    >>> round(usd_per_terabyte_per_second_hour(1.30, 3.35e12), 3)
    0.388
    """
    terabytes = positive("bandwidth_bytes_per_second", bandwidth_bytes_per_second) / TERABYTE
    return positive("usd_per_gpu_hour", usd_per_gpu_hour) / terabytes


def balance_intensity(flops_per_second: Number, bandwidth_bytes_per_second: Number) -> Number:
    """Return the FLOPs per byte above which a chip is bound by compute, not bandwidth [FLOP/byte].

    Examples
    --------
    >>> round(balance_intensity(989e12, 3.35e12))
    295
    """
    return positive("flops_per_second", flops_per_second) / positive(
        "bandwidth_bytes_per_second", bandwidth_bytes_per_second
    )


def capital_recovery_fraction(interest_per_year: Number, years: Number) -> Number:
    """Return the yearly payment on a capital of 1 that is paid off in ``years`` [1 / year].

    Examples
    --------
    >>> round(capital_recovery_fraction(0.10, 4), 4)
    0.3155
    >>> capital_recovery_fraction(0.0, 4)
    0.25
    """
    rate = np.asarray(non_negative("interest_per_year", interest_per_year), dtype=float)
    term = positive("years", years)
    growth = (1 + rate) ** term
    with np.errstate(divide="ignore", invalid="ignore"):
        paid = np.where(rate > 0, rate * growth / (growth - 1), 1 / np.asarray(term))
    return unwrapped(paid)


def usd_per_exaflop_owned(
    purchase_usd: Number,
    interest_per_year: Number,
    years: Number,
    fleet_utilisation_fraction: Number,
    facility_watts: Number,
    usd_per_kwh: Number,
    operation_usd_per_hour: Number,
    flops_per_second: Number,
    utilisation_fraction: Number,
) -> Number:
    """Return the cost of 10^18 FLOPs on an owned GPU. Do not mix it with rental costs.

    Parameters
    ----------
    purchase_usd : float or array
        GPU with its share of server and network. [USD]
    interest_per_year : float or array
        [1 / year]
    years : float or array
        Until it is paid off. [year]
    fleet_utilisation_fraction : float or array
        Share of the hours that it works. [1]
    facility_watts : float or array
        With server and cooling. [W]
    usd_per_kwh, operation_usd_per_hour : float or array
        [USD / kWh], [USD / h]
    flops_per_second : float or array
        Dense peak. [FLOP / s]
    utilisation_fraction : float or array
        Of the peak while it works. [1]

    Returns
    -------
    float or array
        [USD / 10^18 FLOP]

    Examples
    --------
    >>> round(usd_per_exaflop_owned(40e3, 0.1, 4, 0.8, 1730, 0.08, 0.1, 989e12, 0.4), 2)
    1.43
    """
    yearly = positive("purchase_usd", purchase_usd) * capital_recovery_fraction(
        interest_per_year, years
    )
    per_hour = (
        yearly
        / (HOURS_PER_YEAR * fraction("fleet_utilisation_fraction", fleet_utilisation_fraction))
        + facility_watts / WATTS_PER_KILOWATT * usd_per_kwh
        + operation_usd_per_hour
    )
    return usd_per_exaflop(per_hour, flops_per_second, utilisation_fraction)

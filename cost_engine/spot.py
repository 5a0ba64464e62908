"""What an hour of work costs on spot instances, which their provider can interrupt.

Pure arithmetic. How often instances are interrupted comes in as an argument: some providers publish
it, and where they do not, no rate is assumed.
"""

from __future__ import annotations

import numpy as np

from cost_engine.units import (
    HOURS_PER_MONTH_OF_365_DAYS,
    Number,
    fraction,
    non_negative,
    positive,
    unwrapped,
)


def interruptions_per_hour(monthly_fraction: Number) -> Number:
    """Return the rate at which one instance is interrupted, from the share interrupted in a month.

    Parameters
    ----------
    monthly_fraction : float or array
        Share of the instances that were interrupted within a month, below 1. [1]

    Returns
    -------
    float or array
        Rate of a memoryless process. [1/h]

    Examples
    --------
    >>> round(1 / interruptions_per_hour(0.05))  # the band below 5 %: once in 14,000 h at most
    14232
    """
    share = fraction("monthly_fraction", monthly_fraction, is_zero_allowed=True)
    positive("1 - monthly_fraction", 1 - np.asarray(share, dtype=float))
    return unwrapped(-np.log1p(-np.asarray(share, dtype=float)) / HOURS_PER_MONTH_OF_365_DAYS)


def overhead_factor(
    interruptions_per_hour: Number, checkpoint_hours: Number, restart_hours: Number
) -> Number:
    """Return hours paid per hour of work, with checkpoints at the best interval.

    Parameters
    ----------
    interruptions_per_hour : float or array
        Rate at which the job is stopped: that of one instance times the instances, since a job
        stops when any of them is interrupted. [1/h]
    checkpoint_hours : float or array
        How long the job stops to write a checkpoint. [h]
    restart_hours : float or array
        From an interruption to work again. [h]

    Returns
    -------
    float or array
        At least 1; 1 where nothing is ever interrupted. [1]

    Notes
    -----
    With the mean time between interruptions M, the checkpoint time d, the restart time R and work
    between checkpoints t, an hour of work takes M/t exp(R/M) (exp((t + d)/M) - 1) hours [1]_; t is
    the first-order best, sqrt(2 d M) - d, and M where d is over M/2.

    References
    ----------
    .. [1] J. T. Daly, A higher order estimate of the optimum checkpoint interval for restart
       dumps, Future Generation Computer Systems 22 (2006) 303-312.

    Examples
    --------
    Interrupted every 10 hours; 3 minutes to write, 15 to start again: a seventh more.

    >>> round(overhead_factor(0.1, 0.05, 0.25), 4)
    1.1351
    >>> overhead_factor(0.0, 0.05, 0.25)
    1.0
    """
    rate = np.asarray(non_negative("interruptions_per_hour", interruptions_per_hour), dtype=float)
    write = np.asarray(positive("checkpoint_hours", checkpoint_hours), dtype=float)
    restart = np.asarray(non_negative("restart_hours", restart_hours), dtype=float)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        between = 1 / rate
        work = np.where(write < between / 2, np.sqrt(2 * write * between) - write, between)
        factor = between / work * np.exp(restart * rate) * np.expm1((work + write) * rate)
    return unwrapped(np.where(rate == 0, 1.0, factor))


def effective_usd_per_gpu_hour(
    usd_per_gpu_hour: Number,
    monthly_fraction: Number,
    instance_count: Number,
    checkpoint_hours: Number,
    restart_hours: Number,
) -> Number:
    """Return what an hour of work costs on spot instances, interruptions and checkpoints paid.

    Parameters
    ----------
    usd_per_gpu_hour : float or array
        Spot price. [USD / (GPU h)]
    monthly_fraction : float or array
        Share of the instances interrupted within a month, below 1. [1]
    instance_count : int or array
        Instances of the job; it stops when one of them is interrupted.
    checkpoint_hours, restart_hours : float or array
        See ``overhead_factor``. [h]

    Returns
    -------
    float or array
        [USD / (GPU h of work)]

    Examples
    --------
    Sixteen instances in the band of 15 to 20 % a month: a hundredth and a half more.

    >>> round(effective_usd_per_gpu_hour(2.0, 0.20, 16, 60 / 3600, 900 / 3600), 4)
    2.0282
    """
    rate = interruptions_per_hour(monthly_fraction) * positive("instance_count", instance_count)
    price = positive("usd_per_gpu_hour", usd_per_gpu_hour)
    return price * overhead_factor(rate, checkpoint_hours, restart_hours)

"""Arithmetic on prices: committed use, reservations, inflation.

Which price holds on which day is not decided here: prices come in as arguments.
"""

from __future__ import annotations

import numpy as np

from cost_engine.units import Number, finite, fraction, positive, unwrapped


def committed_price(
    usd_per_gpu_hour: Number, discount_found: Number, discount_wanted: Number
) -> Number:
    """Convert a price under one commitment to the price under another.

    Parameters
    ----------
    usd_per_gpu_hour : float or array
        The price found. [USD / (GPU h)]
    discount_found, discount_wanted : float or array
        Discounts from on demand of the commitment found and of the one wanted. [1]

    Returns
    -------
    float or array
        [USD / (GPU h)]

    Examples
    --------
    Lambda Labs on demand to three years (0.56 is assumed there).

    >>> round(committed_price(2.49, 0.0, 0.56), 4)
    1.0956
    """
    found = fraction("discount_found", discount_found, is_zero_allowed=True)
    wanted = fraction("discount_wanted", discount_wanted, is_zero_allowed=True)
    remaining = positive("1 - discount_found", 1 - found)
    return positive("usd_per_gpu_hour", usd_per_gpu_hour) * (1 - wanted) / remaining


def reservation_multiplier(
    term_months: Number, job_months: Number, resale_fraction: Number = 0.0
) -> Number:
    """Return how many times its listed price a reservation costs a job that needs part of it.

    Parameters
    ----------
    term_months : float or array
        Shortest term on offer. [month]
    job_months : float or array
        How long the capacity is needed. [month]
    resale_fraction : float or array
        Share of the price of the unused months that subletting recovers. [1]

    Returns
    -------
    float or array
        Total paid over the price of the months used, at least 1. [1]

    Notes
    -----
    The unused months are ``max(term - job, 0)``; only they can be sublet. A job longer than the
    term renews monthly at the same price.

    Examples
    --------
    Two months of work on a two-year term (a16z, The True Cost of Compute, 2023).

    >>> reservation_multiplier(24, 2)
    12.0
    >>> reservation_multiplier(24, 2, resale_fraction=0.5)
    6.5
    """
    job = positive("job_months", job_months)
    term = positive("term_months", term_months)
    resale = fraction("resale_fraction", resale_fraction, is_zero_allowed=True)
    unused = np.maximum(term - job, 0.0)
    return unwrapped((job + unused * (1 - resale)) / job)


def break_even_months(
    term_months: Number,
    reserved_usd_per_gpu_hour: Number,
    on_demand_usd_per_gpu_hour: Number,
    resale_fraction: Number = 0.0,
) -> Number:
    """Return the length of job above which the reservation is cheaper than on demand.

    Parameters
    ----------
    term_months, resale_fraction : float or array
        As in ``reservation_multiplier``.
    reserved_usd_per_gpu_hour, on_demand_usd_per_gpu_hour : float or array
        Prices of the same GPU. [USD / (GPU h)]

    Returns
    -------
    float or array
        0 where the reservation always wins, infinite where it never does. [month]

    Notes
    -----
    Solves ``r (T + (R - T)(1 - s)) = o T``: ``T = r R (1 - s) / (o - r s)``.

    Examples
    --------
    A three-year term at half the price pays off after half the term.

    >>> break_even_months(36, 1.0, 2.0)
    18.0
    """
    term = positive("term_months", term_months)
    reserved = positive("reserved_usd_per_gpu_hour", reserved_usd_per_gpu_hour)
    on_demand = positive("on_demand_usd_per_gpu_hour", on_demand_usd_per_gpu_hour)
    resale = fraction("resale_fraction", resale_fraction, is_zero_allowed=True)
    advantage = np.asarray(on_demand - reserved * resale, dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        months = reserved * term * (1 - resale) / advantage
    is_never = np.asarray(reserved >= on_demand)
    return unwrapped(np.where(is_never, np.inf, months))


def real_usd(nominal_usd: Number, index_then: Number, index_now: Number) -> Number:
    """Restate an amount in the money of another date by a price index.

    Parameters
    ----------
    nominal_usd : float or array
        Amount in the money of its own date. [USD]
    index_then, index_now : float or array
        Price index at that date and at the date to express it in. [1]

    Returns
    -------
    float or array
        [USD]

    Examples
    --------
    GPT-4's final run, March 2023, in dollars of December 2023.

    >>> round(real_usd(40_155_934, 117.766, 119.029))
    40586593
    """
    return (
        finite("nominal_usd", nominal_usd)
        * positive("index_now", index_now)
        / positive("index_then", index_then)
    )

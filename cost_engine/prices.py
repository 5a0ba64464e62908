"""Arithmetic on prices: committed use, reservations, inflation.

Prices come in as arguments; which price applies on which day is decided by the caller.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cost_engine.units import Number, finite, fraction, non_negative, positive, unwrapped

ROUNDING = 1e-9
"""Share of a term that is rounding. [1]"""


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
    commitment_months: Number, job_months: Number, resale_fraction: Number = 0.0
) -> Number:
    """Return how many times its listed price a reservation costs a job that needs part of it.

    Parameters
    ----------
    commitment_months : float or array
        Term on offer. [month]
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
    A job longer than the term takes whole terms, one after another, at the same price. What is
    left of the last one is unused, and only that can be sublet.

    Examples
    --------
    Two months of work on a two-year term (a16z, The True Cost of Compute, 2023).

    >>> reservation_multiplier(24, 2)
    12.0
    >>> reservation_multiplier(24, 2, resale_fraction=0.5)
    6.5

    Eighteen months on terms of twelve: two terms.

    >>> round(reservation_multiplier(12, 18), 4)
    1.3333
    """
    job = positive("job_months", job_months)
    term = positive("commitment_months", commitment_months)
    resale = fraction("resale_fraction", resale_fraction, is_zero_allowed=True)
    terms = np.ceil(job / term * (1 - ROUNDING))
    unused = np.maximum(terms * term - job, 0.0)
    return unwrapped((job + unused * (1 - resale)) / job)


def break_even_months(
    commitment_months: Number,
    reserved_usd_per_gpu_hour: Number,
    on_demand_usd_per_gpu_hour: Number,
    resale_fraction: Number = 0.0,
) -> Number:
    """Return the length of job above which the reservation is cheaper than on demand.

    It is at most the term. Of a job of several terms it is that of the last one: what is left after
    whole terms is cheaper on demand if it is shorter.

    Parameters
    ----------
    commitment_months, resale_fraction : float or array
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
    term = positive("commitment_months", commitment_months)
    reserved = positive("reserved_usd_per_gpu_hour", reserved_usd_per_gpu_hour)
    on_demand = positive("on_demand_usd_per_gpu_hour", on_demand_usd_per_gpu_hour)
    resale = fraction("resale_fraction", resale_fraction, is_zero_allowed=True)
    advantage = np.asarray(on_demand - reserved * resale, dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        months = reserved * term * (1 - resale) / advantage
    is_never = np.asarray(reserved >= on_demand)
    return unwrapped(np.where(is_never, np.inf, months))


def forward_price(
    near_months: Number,
    near_usd_per_gpu_hour: Number,
    far_months: Number,
    far_usd_per_gpu_hour: Number,
) -> Number:
    """Return the price that two terms of one seller imply for the months between their ends.

    Parameters
    ----------
    near_months, far_months : float or array
        The two terms, the shorter one first; 0 for no shorter one. [month]
    near_usd_per_gpu_hour, far_usd_per_gpu_hour : float or array
        Their prices. [USD / (GPU h)]

    Returns
    -------
    float or array
        Negative where the longer term costs less in all than the shorter one. [USD / (GPU h)]

    Notes
    -----
    Solves ``far x p_far = near x p_near + (far - near) x forward``, as a forward rate follows from
    two rates of interest. Money is not discounted: both terms are paid by the month.

    Examples
    --------
    One year at 3 USD and three years at 2 USD: the second and third year cost 1.50.

    >>> forward_price(12, 3.0, 36, 2.0)
    1.5
    """
    near = non_negative("near_months", near_months)
    between = positive("far_months - near_months", far_months - near)
    paid = far_months * positive("far_usd_per_gpu_hour", far_usd_per_gpu_hour)
    return unwrapped(
        (paid - near * non_negative("near_usd_per_gpu_hour", near_usd_per_gpu_hour)) / between
    )


@dataclass(frozen=True)
class Reservation:
    """A reservation for a job that needs part of its term, against buying on demand.

    Attributes
    ----------
    multiplier : float
        What is paid over the price of the months used. [1]
    effective_usd_per_gpu_hour : float or None
        Price of an hour used; None without a reserved price. [USD / (GPU h)]
    break_even_months : float or None
        Length of job above which the reservation is cheaper; None where it never is, or without
        both prices. [month]
    is_reserved_cheaper : bool or None
        None without both prices.
    """

    multiplier: float
    effective_usd_per_gpu_hour: float | None = None
    break_even_months: float | None = None
    is_reserved_cheaper: bool | None = None

    def effective_price(self, reserved_usd_per_gpu_hour: float) -> float:
        """Return the price of an hour used at another reserved price [USD / (GPU h)]."""
        return self.multiplier * reserved_usd_per_gpu_hour


def reservation(
    commitment_months: float,
    job_months: float,
    resale_fraction: float = 0.0,
    reserved_usd_per_gpu_hour: float | None = None,
    on_demand_usd_per_gpu_hour: float | None = None,
) -> Reservation:
    """Return what a reservation costs a job, and whether it is cheaper than on demand.

    Parameters
    ----------
    commitment_months, job_months, resale_fraction : float
        As in ``reservation_multiplier``.
    reserved_usd_per_gpu_hour, on_demand_usd_per_gpu_hour : float, optional
        Prices of the same GPU. [USD / (GPU h)]

    Examples
    --------
    >>> found = reservation(36, 24, 0.0, 1.0, 2.0)
    >>> found.effective_usd_per_gpu_hour, found.break_even_months, found.is_reserved_cheaper
    (1.5, 18.0, True)
    """
    multiplier = reservation_multiplier(commitment_months, job_months, resale_fraction)
    if reserved_usd_per_gpu_hour is None:
        return Reservation(multiplier)
    effective = multiplier * reserved_usd_per_gpu_hour
    if on_demand_usd_per_gpu_hour is None:
        return Reservation(multiplier, effective)
    months = break_even_months(
        commitment_months, reserved_usd_per_gpu_hour, on_demand_usd_per_gpu_hour, resale_fraction
    )
    return Reservation(
        multiplier,
        effective,
        months if np.isfinite(months) else None,
        bool(effective < on_demand_usd_per_gpu_hour),
    )


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

"""The cost of a model over its life: trained once, then serving requests month by month.

Costs of the parts come in as arguments, each with its interval; they are made in ``training`` and
``serving``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cost_engine.uncertainty import log_deviation_between_deciles
from cost_engine.units import DAYS_PER_MONTH, HOURS_PER_MONTH, non_negative, positive


@dataclass(frozen=True)
class Part:
    """A cost and its central 80 % interval [USD]."""

    usd: float
    low: float
    high: float


def serving_usd_per_month(
    usd_per_request: float, requests_per_day: float, usd_per_replica_hour: float
) -> float:
    """Return the monthly cost of serving, at least that of one replica that is always on [USD].

    Parameters
    ----------
    usd_per_request : float
        On a replica that is full. [USD]
    requests_per_day : float
        [1 / d]
    usd_per_replica_hour : float
        All GPUs of one replica. [USD / h]

    Examples
    --------
    >>> round(serving_usd_per_month(0.01, 1e6, 10.0)), round(serving_usd_per_month(0.01, 10, 10.0))
    (304375, 7305)
    """
    by_request = positive("usd_per_request", usd_per_request) * DAYS_PER_MONTH
    by_request *= non_negative("requests_per_day", requests_per_day)
    return float(max(by_request, usd_per_replica_hour * HOURS_PER_MONTH))


def runway_months(capital_usd: float, first_usd: float, usd_per_month: float) -> float:
    """Return how long capital lasts if compute is all that it pays for [month].

    Parameters
    ----------
    capital_usd : float
        [USD]
    first_usd : float
        Spent before the first month. [USD]
    usd_per_month : float
        [USD / month]

    Returns
    -------
    float
        0 where the first expense takes it all. [month]

    Examples
    --------
    >>> runway_months(10e6, 4e6, 0.5e6)
    12.0
    """
    left = positive("capital_usd", capital_usd) - non_negative("first_usd", first_usd)
    return float(max(left, 0.0) / positive("usd_per_month", usd_per_month))


def total(parts: list[Part], generator: np.random.Generator, draws: int) -> Part:
    """Return the sum of independent costs with its 80 % interval [USD].

    Examples
    --------
    >>> one = Part(100.0, 50.0, 200.0)
    >>> both = total([one, one], np.random.default_rng(1), 10_000)
    >>> both.usd, 100 < both.low < 150 < both.high < 400
    (200.0, True)
    """
    drawn = np.zeros(draws)
    for part in parts:
        middle = np.log(part.low * part.high) / 2  # the interval need not lie around the cost
        deviation = float(log_deviation_between_deciles(part.low, part.high))
        drawn += np.exp(generator.normal(middle, deviation, draws))
    low, high = np.quantile(drawn, [0.1, 0.9]).tolist()
    return Part(sum(part.usd for part in parts), low, high)

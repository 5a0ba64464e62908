"""The price of one GPU today from few providers: a middle and two intervals that say how few.

Pure arithmetic on one price a provider. The spread between providers of one GPU is pooled with
that of its class (data centre, workstation, consumer) and market family, so that one provider
alone never looks certain. Which prices are fresh enough is decided by the caller.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, inf, log, sqrt

import numpy as np
from scipy.optimize import brentq
from scipy.special import digamma, polygamma, stdtrit

from cost_engine.like_for_like import INTERVAL_LEVEL

PRIOR_DEGREES = (2.5, 10.0)
"""Fewest and most that a class may weigh; its GPUs share sellers. [degrees of freedom]"""

SMALLEST_VARIANCE = log(1.02) ** 2
"""List prices cluster; a spread under 2 % is not a measure of the market. [ln^2]"""


@dataclass(frozen=True)
class SpreadPrior:
    """How far apart the providers of one GPU usually are, in a class and family."""

    degrees: float  # weight against the GPU's own spread [degrees of freedom]
    variance: float  # of the log price between providers [ln^2]


@dataclass(frozen=True)
class PriceNow:
    """The price of a GPU, with the interval of the next seller and of the market's middle."""

    provider_count: int
    middle_usd_per_gpu_hour: float
    log_deviation: float  # pooled, between providers [ln]
    degrees: float
    ask_half_width_log: float  # what the next seller asks: for a budget [ln]
    typical_half_width_log: float  # where the middle of the market is: for a comparison [ln]

    @property
    def ask(self) -> tuple[float, float]:
        """80 % interval of what the next seller asks [USD / (GPU h)]."""
        return self._around(self.ask_half_width_log)

    @property
    def typical(self) -> tuple[float, float]:
        """80 % interval of the middle of the market [USD / (GPU h)]."""
        return self._around(self.typical_half_width_log)

    def _around(self, half_width_log: float) -> tuple[float, float]:
        middle = self.middle_usd_per_gpu_hour
        return middle * exp(-half_width_log), middle * exp(half_width_log)


def spread_prior(variances: Sequence[float], degrees: Sequence[float]) -> SpreadPrior:
    """Return what the GPUs of a class and family say about the spread between providers.

    Parameters
    ----------
    variances : sequence of float
        Sample variance of the log price between providers, one a GPU. [ln^2]
    degrees : sequence of float
        Providers of that GPU less one, above zero. [degrees of freedom]

    Raises
    ------
    ValueError
        If there is no GPU, or as many degrees as variances are not given.

    Notes
    -----
    Moments of the log variances under a scaled inverse chi-square distribution (Smyth, Statistical
    Applications in Genetics and Molecular Biology 3(1), 2004).

    Examples
    --------
    >>> prior = spread_prior([0.04, 0.09, 0.16, 0.09, 0.25], [4, 6, 10, 3, 5])
    >>> prior.degrees, round(prior.variance, 6)
    (10.0, 0.119108)
    """
    if not len(variances) or len(variances) != len(degrees):
        raise ValueError(f"{len(variances)} variances and {len(degrees)} degrees of freedom")
    half = np.asarray(degrees, dtype=float) / 2
    logs = np.log(np.maximum(np.asarray(variances, dtype=float), SMALLEST_VARIANCE))
    logs = logs - digamma(half) + np.log(half)
    between = float(np.var(logs, ddof=1)) if len(logs) > 1 else 0.0
    weight = _degrees_of(between - float(np.mean(polygamma(1, half))))
    variance = exp(float(np.mean(logs)) + float(digamma(weight / 2)) - log(weight / 2))
    return SpreadPrior(weight, max(variance, SMALLEST_VARIANCE))


def _degrees_of(excess: float) -> float:
    """Solve trigamma(degrees / 2) = excess, within ``PRIOR_DEGREES``."""
    fewest, most = PRIOR_DEGREES

    def miss(degrees: float) -> float:
        return float(polygamma(1, degrees / 2)) - excess

    if miss(most) >= 0:
        return most
    if miss(fewest) <= 0:
        return fewest
    return float(brentq(miss, fewest, most))


def price_now(
    usd_per_gpu_hour: Sequence[float],
    age_days: Sequence[float],
    prior: SpreadPrior,
    variance_per_day: float,
    smallest_half_width_log: float = 0.0,
) -> PriceNow:
    """Return the price of one GPU from one price a provider.

    Parameters
    ----------
    usd_per_gpu_hour : sequence of float
        One a provider, above zero. [USD / (GPU h)]
    age_days : sequence of float
        From the day asked about to when the origin last showed the price, not negative. [d]
    prior : SpreadPrior
        Of the class and family.
    variance_per_day : float
        How fast an old price loses worth. [ln^2 / d]
    smallest_half_width_log : float
        With fewer than three providers no interval is narrower: the widest ``ask`` among the GPUs
        of the class and family that have three. [ln]

    Raises
    ------
    ValueError
        If there is no price, one is not above zero, or an age is missing or negative.

    Examples
    --------
    One provider asks 2 USD: the next one may ask half or double.

    >>> alone = price_now([2.0], [0], SpreadPrior(10.0, 0.1225), 0.0001, 0.5)
    >>> [round(usd, 2) for usd in alone.ask]
    [1.01, 3.94]
    """
    if len(usd_per_gpu_hour) != len(age_days) or not len(usd_per_gpu_hour):
        raise ValueError(f"{len(usd_per_gpu_hour)} prices and {len(age_days)} ages")
    if not min(usd_per_gpu_hour) > 0 or not 0 <= min(age_days) <= max(age_days) < inf:
        raise ValueError("a price must be above 0, an age not negative and finite")
    logs = np.log(np.asarray(usd_per_gpu_hour, dtype=float))
    count = len(logs)
    own = float(np.var(logs, ddof=1)) if count > 1 else 0.0
    degrees = prior.degrees + count - 1
    variance = (prior.degrees * prior.variance + (count - 1) * own) / degrees
    weights = 1 / (variance + variance_per_day * np.asarray(age_days, dtype=float))
    middle = float(np.average(logs, weights=weights))
    of_middle = 1 / float(weights.sum())
    quantile = float(stdtrit(degrees, (1 + INTERVAL_LEVEL) / 2))
    least = smallest_half_width_log if count < 3 else 0.0
    return PriceNow(
        provider_count=count,
        middle_usd_per_gpu_hour=exp(middle),
        log_deviation=sqrt(variance),
        degrees=degrees,
        ask_half_width_log=max(quantile * sqrt(variance + of_middle), least),
        typical_half_width_log=max(quantile * sqrt(of_middle), least),
    )

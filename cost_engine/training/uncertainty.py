"""How uncertain the cost of a training run is, from what is unknown of its inputs.

Here belong the sums over the factors of ``spreads``: Monte Carlo where the sum of two parts has no
closed form, and products of lognormals in closed form. GPU-hours are drawn once for hardware and
energy alike, which appendix B.4 of Cottier et al. 2024, arXiv:2405.21015, does not do.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from cost_engine.training.run import PRICE_PERFORMANCE_ORDERS_PER_YEAR
from cost_engine.training.spreads import (
    AGE_FACTORS,
    ENERGY_FACTORS,
    FACTORS,
    HOURS_FACTORS,
    PRICE_FACTORS,
    Array,
    Uncertainty,
)
from cost_engine.uncertainty import (
    log_deviation_between_deciles,
    product_interval,
    sorted_quantiles,
)
from cost_engine.units import positive

LEVELS = (0.8, 0.9)
"""Levels of the intervals of a training cost. [1]"""
COST_COLUMNS = {
    "amortized": "amortized_usd",
    "acquisition": "acquisition_usd",
    "rental": "cloud_usd",
}
"""Method to the column of its nominal cost in ``published.estimates.Estimates``."""
_HARDWARE = (*HOURS_FACTORS, *PRICE_FACTORS, *AGE_FACTORS)
_ENERGY = (*HOURS_FACTORS, *ENERGY_FACTORS)


def _loads(names: Sequence[str]) -> Array:
    return np.array([1.0 if name in names and name != "trend" else 0.0 for name in FACTORS])


def amortized_quantiles(
    hardware_usd: Array,
    energy_usd: Array,
    age_years: Array,
    uncertainty: Uncertainty,
    generator: np.random.Generator,
    draws: int = 10_000,
    quantiles: Sequence[float] = (0.05, 0.1, 0.5, 0.9, 0.95),
) -> Array:
    """Return quantiles of amortized hardware and energy cost, by Monte Carlo.

    Parameters
    ----------
    hardware_usd, energy_usd : array of shape (n,)
        Central values: chips, servers and interconnect; energy. [USD]
    age_years : array of shape (n,)
        Age of the hardware when training began, at which the trend acts. [year]
    uncertainty : Uncertainty
    generator : numpy.random.Generator
        Seeded by the caller. All runs share its draws, so that runs can be compared.
    draws : int
    quantiles : sequence of float

    Returns
    -------
    array of shape (len(quantiles), n)
        [USD]

    Notes
    -----
    The factors are lognormal, so the logarithm of each part is a product of matrices; only the
    trend, which acts on the rate and on the age, is not.
    """
    hardware = np.asarray(positive("hardware_usd", hardware_usd), dtype=float)
    energy = np.asarray(positive("energy_usd", energy_usd), dtype=float)
    normals = generator.standard_normal((len(FACTORS), int(positive("draws", draws))))
    trend = FACTORS.index("trend")

    def part(names: Sequence[str]) -> Array:
        loads = _loads(names)
        log_mean = uncertainty.log_means @ loads
        result: Array = (uncertainty.log_deviations * loads) @ normals
        result += log_mean[:, None]
        return result

    logs = part(_HARDWARE)
    deviation = float(uncertainty.log_deviations[:, trend].max(initial=0.0))
    floor = 0.01  # a trend near zero would mean hardware that never ages
    rates = np.maximum(PRICE_PERFORMANCE_ORDERS_PER_YEAR + deviation * normals[trend], floor)
    logs += np.log(rates / PRICE_PERFORMANCE_ORDERS_PER_YEAR)[None, :]
    excess = (rates - PRICE_PERFORMANCE_ORDERS_PER_YEAR) * math.log(10)
    logs -= np.asarray(age_years, dtype=float)[:, None] * excess[None, :]
    np.exp(logs, out=logs)
    logs *= hardware[:, None]
    power = part(_ENERGY)
    np.exp(power, out=power)
    power *= energy[:, None]
    logs += power
    return sorted_quantiles(logs, quantiles)


def hours_factor(uncertainty: Uncertainty) -> tuple[Array, Array]:
    """Return log mean and deviation of the GPU-hours of each run [1]."""
    loads = _loads(HOURS_FACTORS)
    variance = (uncertainty.log_deviations**2) @ loads
    return uncertainty.log_means @ loads, np.sqrt(variance)


def energy_factor(uncertainty: Uncertainty) -> tuple[Array, Array]:
    """Return log mean and deviation of the energy of each run, its price left out [1]."""
    loads = _loads((*HOURS_FACTORS, "power", "pue"))
    variance = (uncertainty.log_deviations**2) @ loads
    return uncertainty.log_means @ loads, np.sqrt(variance)


def acquisition_factor(uncertainty: Uncertainty) -> tuple[Array, Array]:
    """Return log mean and deviation of the acquisition cost of each run [1].

    The quantity of chips counts as known where hours were reported or computed: then it was given
    by the record on its own.
    """
    loads = _loads(PRICE_FACTORS)
    quantity = uncertainty.spreads["quantity"]
    variance = (uncertainty.log_deviations**2) @ loads + quantity.log_deviation**2
    return uncertainty.log_means @ loads + quantity.log_mean, np.sqrt(variance)


def rental_factor(uncertainty: Uncertainty) -> tuple[Array, Array]:
    """Return log mean and deviation of the rental cost of each run [1]."""
    mean, deviation = hours_factor(uncertainty)
    price = uncertainty.spreads["rental_price"]
    return mean + price.log_mean, np.hypot(deviation, price.log_deviation)


def variance_shares(
    hardware_usd: Array, energy_usd: Array, age_years: Array, uncertainty: Uncertainty
) -> Array:
    """Return each factor's share of the variance of the logarithm of amortized cost.

    Parameters
    ----------
    hardware_usd, energy_usd, age_years : array of shape (n,)
        As in ``amortized_quantiles``.
    uncertainty : Uncertainty

    Returns
    -------
    array of shape (n, len(FACTORS))
        Sums to 1 along a row. To first order: a factor that acts on both parts counts on both. [1]
    """
    total = hardware_usd + energy_usd
    on_hardware = (hardware_usd / total)[:, None] * np.array(
        [1.0 if name in _HARDWARE else 0.0 for name in FACTORS]
    )
    on_energy = (energy_usd / total)[:, None] * np.array(
        [1.0 if name in _ENERGY else 0.0 for name in FACTORS]
    )
    deviations = uncertainty.log_deviations.copy()
    trend = FACTORS.index("trend")
    elasticity = 1 / PRICE_PERFORMANCE_ORDERS_PER_YEAR - np.asarray(age_years) * math.log(10)
    deviations[:, trend] *= np.abs(elasticity)
    variance = ((on_hardware + on_energy) * deviations) ** 2
    shares: Array = variance / variance.sum(axis=1, keepdims=True)
    return shares


class PricedRun(NamedTuple):
    """A run at a rental price: its cost with 90 % and 80 % intervals [USD]."""

    usd: float
    low: float
    high: float
    low_80: float
    high_80: float


def priced_run(
    gpu_hours: float,
    median_usd_per_gpu_hour: float,
    p10_usd_per_gpu_hour: float,
    p90_usd_per_gpu_hour: float,
    hours_log_mean: float,
    hours_log_deviation: float,
) -> PricedRun:
    """Return the cost of renting a run at a price of the market, with intervals.

    Parameters
    ----------
    gpu_hours : float
        [GPU h]
    median_usd_per_gpu_hour, p10_usd_per_gpu_hour, p90_usd_per_gpu_hour : float
        Median, 10th and 90th percentile of the price. [USD / (GPU h)]
    hours_log_mean, hours_log_deviation : float
        Of the factor by which the hours are uncertain. [1]

    Examples
    --------
    >>> run = priced_run(1e6, 2.0, 1.6, 2.5, 0.0, 0.1)
    >>> run.usd, round(run.low / 1e6, 2), round(run.high / 1e6, 2)
    (2000000.0, 1.44, 2.78)
    """
    usd = median_usd_per_gpu_hour * gpu_hours
    spread = log_deviation_between_deciles(p10_usd_per_gpu_hour, p90_usd_per_gpu_hour)
    deviation = float(np.hypot(hours_log_deviation, spread))
    low, high = product_interval(usd, hours_log_mean, deviation, 0.9)
    low_80, high_80 = product_interval(usd, hours_log_mean, deviation, 0.8)
    return PricedRun(usd, low, high, low_80, high_80)


def cost_intervals(
    numbers: Mapping[str, Array],
    method: str,
    uncertainty: Uncertainty,
    generator: np.random.Generator,
    draws: int,
) -> dict[float, tuple[Array, Array]]:
    """Return low and high of each run's nominal cost by level, NaN where there is no cost [USD].

    Parameters
    ----------
    numbers : mapping of str to array
        Columns of ``published.estimates.Estimates``.
    method : {"amortized", "acquisition", "rental"}
    uncertainty : Uncertainty
    generator : numpy.random.Generator
        For the amortized cost, whose two parts have no joint closed form.
    draws : int

    Examples
    --------
    A rental cost whose only uncertain input is the price: 0.6 to 1.4 times the list price.

    >>> from cost_engine.training.spreads import Spread
    >>> zeros = np.zeros((1, len(FACTORS)))
    >>> spreads = {"rental_price": Spread(0.6, 1.4, "assumption")}
    >>> low, high = cost_intervals(
    ...     {"cloud_usd": np.array([100.0])}, "rental", Uncertainty(zeros, zeros, spreads),
    ...     np.random.default_rng(1), 100)[0.9]
    >>> round(float(low[0])), round(float(high[0]))
    (60, 140)
    """
    if method != "amortized":
        factor = acquisition_factor if method == "acquisition" else rental_factor
        mean, deviation = factor(uncertainty)
        central = numbers[COST_COLUMNS[method]]
        return {level: product_interval(central, mean, deviation, level) for level in LEVELS}
    total = numbers["amortized_usd"]
    found = {
        level: (np.full(total.shape, np.nan), np.full(total.shape, np.nan)) for level in LEVELS
    }
    is_costed = ~np.isnan(total)
    if not is_costed.any():
        return found
    quantiles = amortized_quantiles(
        (total - numbers["energy_usd"])[is_costed],
        numbers["energy_usd"][is_costed],
        numbers["age_years"][is_costed],
        uncertainty.of_rows(is_costed),
        generator,
        draws,
        [0.5 + sign * level / 2 for level in LEVELS for sign in (-1, 1)],
    )
    for place, level in enumerate(LEVELS):
        found[level][0][is_costed] = quantiles[2 * place]
        found[level][1][is_costed] = quantiles[2 * place + 1]
    return found

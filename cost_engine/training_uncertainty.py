"""How uncertain the cost of one model's training run is: only what is unknown for it is drawn.

After appendix B.4 of Cottier et al. 2024, arXiv:2405.21015, with two changes: chip-hours are drawn
once for hardware and energy alike, and a quantity that was reported is tight.
The distributions themselves are in ``uncertainty``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from cost_engine.training import PRICE_PERFORMANCE_ORDERS_PER_YEAR
from cost_engine.uncertainty import NORMAL_95TH_PERCENTILE, lognormal_parameters
from cost_engine.units import DAYS_PER_YEAR, Number, positive

Array = NDArray[np.float64]
Range = tuple[float, float]
"""5th and 95th percentile, relative to the central value. [1]"""


@dataclass(frozen=True)
class Spread:
    """A range with the reason for it."""

    low: float
    high: float
    source: str

    @cached_property
    def log_mean(self) -> float:
        """Mean of the natural logarithm [1]."""
        return float(lognormal_parameters(self.low, self.high)[0])

    @cached_property
    def log_deviation(self) -> float:
        """Deviation of the natural logarithm [1]."""
        return float(lognormal_parameters(self.low, self.high)[1])


_PAPER = "arXiv:2405.21015, appendix B.4"
SPREADS: Mapping[str, Spread] = {
    "hours_reported": Spread(
        0.9,
        1.1,
        "assumption: reported hours of ten models agree within 14 % (external truth table)",
    ),
    "quantity": Spread(0.8, 1.25, _PAPER),
    "time_confident": Spread(
        0.8, 1.25, "assumption: as the quantity, where the record is marked Confident"
    ),
    "time": Spread(0.5, 2.0, _PAPER),
    "compute_confident": Spread(
        1 / 2, 2.0, "assumption: narrower where marked Confident; calibrated on models before 2024"
    ),
    "compute": Spread(1 / 3, 3.0, _PAPER),
    "utilisation_reported": Spread(0.9, 1.1, "assumption: reported to one or two digits"),
    "utilisation": Spread(
        0.375 / 0.6, 0.375 / 0.15, "assumption: MFU of 0.15 to 0.60; 61 known values: 0.20 to 0.58"
    ),
    "utilisation_small": Spread(
        0.375 / 0.6, 0.375 / 0.01, "assumption: runs below 1e22 FLOP often use 1 % of a chip"
    ),
    "price_gpu": Spread(0.5, 2.0, _PAPER),
    "price_tpu": Spread(0.25, 4.0, _PAPER),
    "hardware_imputed": Spread(1 / 3, 3.0, "assumption: the chip itself is a guess"),
    "server_overhead": Spread(1.3 / 1.64, 2.1 / 1.64, _PAPER),
    "interconnect": Spread(1.07 * 0.81, 1.32 * 0.81, _PAPER),
    "power_gpu": Spread(
        0.5,
        1.0 / 0.75,
        "upper end of the paper; lower end so wide that it holds BLOOM's measured 0.53",
    ),
    "power_tpu": Spread(
        0.30 / 0.43,
        1.7,
        "lower end of the paper; upper end so wide that it holds PaLM's measured 1.49",
    ),
    "pue_hyperscaler": Spread(1.05 / 1.10, 1.16 / 1.10, _PAPER),
    "pue": Spread(1.12 / 1.25, 1.40 / 1.25, _PAPER),
    "electricity": Spread(0.6, 1.7, _PAPER),
    "rental_price": Spread(
        0.6, 1.4, "assumption: negotiated below, shorter commitment above the three-year list price"
    ),
}
"""Relative 90 % ranges, each with its source. [1]"""
TREND_RANGE: Range = (0.10, 0.18)
"""Price-performance trend. [OOM / year] arXiv:2405.21015, appendix B.4."""
START_DAYS = 120.0
"""The start of training is known to this many days, 90 %. [d] arXiv:2405.21015, appendix B.4."""
SMALL_RUN_FLOPS = 1e22
"""Below this, chips are often idle most of the time. [FLOP] assumption, from the coverage test."""

FACTORS = (
    *("hours", "quantity", "time", "compute", "utilisation"),
    *("price", "hardware_imputed", "server_overhead", "interconnect", "trend", "start"),
    *("power", "pue", "electricity"),
)
"""Names of the inputs whose shares of the variance are told."""
_HOURS = FACTORS[:5]
_HARDWARE = (*_HOURS, *FACTORS[5:11])
_ENERGY = (*_HOURS, "power", "pue", "electricity")


@dataclass(frozen=True)
class Uncertainty:
    """Log means and deviations of each factor, one column a factor, one row a run.

    Attributes
    ----------
    log_means, log_deviations : array of shape (n, len(FACTORS))
        Zero where the factor is certain or does not apply. [1]
    """

    log_means: Array
    log_deviations: Array

    def column(self, name: str) -> Array:
        """Return the log deviations of one factor [1]."""
        return self.log_deviations[:, FACTORS.index(name)]


def row_uncertainty(
    *,
    hours_method: Sequence[str | None],
    confidence: Sequence[str],
    is_tpu: Sequence[bool],
    is_hyperscaler: Sequence[bool],
    is_hardware_imputed: Sequence[bool],
    is_utilisation_reported: Sequence[bool],
    is_overhead_applied: Sequence[bool],
    is_start_known: Sequence[bool],
    training_flops: Sequence[float | None],
    flops_low: Sequence[float | None] | None = None,
    flops_high: Sequence[float | None] | None = None,
) -> Uncertainty:
    """Return what is unknown for each run, and by how much.

    Parameters
    ----------
    hours_method : sequence of {"reported", "quantity*time", "compute/(peak*mfu)", "none"}
        How the chip-hours were found.
    confidence : sequence of {"Confident", "Likely", "Speculative", "Unknown"}
        How sure the record is of its compute and time.
    is_tpu, is_hyperscaler, is_hardware_imputed, is_utilisation_reported : sequence of bool
    is_overhead_applied : sequence of bool
        Whether the chip price was multiplied up to a share of a server.
    is_start_known : sequence of bool
    training_flops, flops_low, flops_high : sequence of float or None
        Compute of the run and, where given, its bounds. [FLOP]

    Returns
    -------
    Uncertainty
    """
    count = len(hours_method)
    means = np.zeros((count, len(FACTORS)))
    deviations = np.zeros((count, len(FACTORS)))

    def put(row: int, factor: str, spread: Spread) -> None:
        column = FACTORS.index(factor)
        means[row, column] = spread.log_mean
        deviations[row, column] = spread.log_deviation

    for row in range(count):
        is_confident = confidence[row] == "Confident"
        method = hours_method[row]
        if method == "reported":
            put(row, "hours", SPREADS["hours_reported"])
        elif method == "quantity*time":
            put(row, "quantity", SPREADS["quantity"])
            put(row, "time", SPREADS["time_confident" if is_confident else "time"])
        elif method == "compute/(peak*mfu)":
            size = training_flops[row]
            low = flops_low[row] if flops_low else None
            high = flops_high[row] if flops_high else None
            if size and low and high and low <= high:
                put(row, "compute", Spread(low / size, high / size, "bounds of the record"))
            else:
                put(row, "compute", SPREADS["compute_confident" if is_confident else "compute"])
            utilisation = "utilisation"
            if is_utilisation_reported[row]:
                utilisation = "utilisation_reported"
            elif size and size < SMALL_RUN_FLOPS:
                utilisation = "utilisation_small"
            put(row, "utilisation", SPREADS[utilisation])
        put(row, "price", SPREADS["price_tpu" if is_tpu[row] else "price_gpu"])
        if is_hardware_imputed[row]:
            put(row, "hardware_imputed", SPREADS["hardware_imputed"])
        if is_overhead_applied[row]:
            put(row, "server_overhead", SPREADS["server_overhead"])
        put(row, "interconnect", SPREADS["interconnect"])
        put(row, "power", SPREADS["power_tpu" if is_tpu[row] else "power_gpu"])
        put(row, "pue", SPREADS["pue_hyperscaler" if is_hyperscaler[row] else "pue"])
        put(row, "electricity", SPREADS["electricity"])
        low_k, high_k = TREND_RANGE
        deviations[row, FACTORS.index("trend")] = (high_k - low_k) / (2 * NORMAL_95TH_PERCENTILE)
        if not is_start_known[row]:
            years = START_DAYS / DAYS_PER_YEAR / NORMAL_95TH_PERCENTILE
            deviations[row, FACTORS.index("start")] = (
                years * PRICE_PERFORMANCE_ORDERS_PER_YEAR * math.log(10)
            )
    return Uncertainty(means, deviations)


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


def sorted_quantiles(draws: Array, quantiles: Sequence[float]) -> Array:
    """Return the order statistics nearest to ``quantiles`` of each row, shape (q, n).

    Examples
    --------
    >>> sorted_quantiles(np.arange(101.0)[None, :], (0.05, 0.5)).tolist()
    [[5.0], [50.0]]
    """
    places = [round(quantile * (draws.shape[1] - 1)) for quantile in quantiles]
    ordered = np.partition(draws, sorted(set(places)), axis=1)
    return np.stack([ordered[:, place] for place in places])


def product_interval(
    central_usd: Number, log_mean: Number, log_deviation: Number, level: float = 0.9
) -> tuple[Number, Number]:
    """Return the interval of a central value times a lognormal factor, in closed form.

    Parameters
    ----------
    central_usd : float or array
        [USD]
    log_mean, log_deviation : float or array
        Of the factor. [1]
    level : float
        [1]

    Examples
    --------
    >>> low, high = product_interval(100.0, 0.0, 0.4214)
    >>> round(low), round(high)
    (50, 200)
    """
    from scipy.special import ndtri

    if not 0 < level < 1:
        raise ValueError(f"level = {level!r}: must be a fraction in (0, 1)")
    margin = float(ndtri(0.5 + level / 2)) * np.asarray(log_deviation, dtype=float)
    low = central_usd * np.exp(log_mean - margin)
    high = central_usd * np.exp(log_mean + margin)
    return (float(low), float(high)) if np.ndim(low) == 0 else (low, high)


def hours_factor(uncertainty: Uncertainty) -> tuple[Array, Array]:
    """Return log mean and deviation of the chip-hours of each run [1]."""
    loads = _loads(_HOURS)
    variance = (uncertainty.log_deviations**2) @ loads
    return uncertainty.log_means @ loads, np.sqrt(variance)


def energy_factor(uncertainty: Uncertainty) -> tuple[Array, Array]:
    """Return log mean and deviation of the energy of each run, its price left out [1]."""
    loads = _loads((*_HOURS, "power", "pue"))
    variance = (uncertainty.log_deviations**2) @ loads
    return uncertainty.log_means @ loads, np.sqrt(variance)


def acquisition_factor(uncertainty: Uncertainty) -> tuple[Array, Array]:
    """Return log mean and deviation of the acquisition cost of each run [1].

    The quantity of chips counts as known where hours were reported or computed: then it was given
    by the record on its own.
    """
    loads = _loads(("price", "hardware_imputed", "server_overhead", "interconnect"))
    quantity = SPREADS["quantity"]
    variance = (uncertainty.log_deviations**2) @ loads + quantity.log_deviation**2
    return uncertainty.log_means @ loads + quantity.log_mean, np.sqrt(variance)


def rental_factor(uncertainty: Uncertainty) -> tuple[Array, Array]:
    """Return log mean and deviation of the rental cost of each run [1]."""
    mean, deviation = hours_factor(uncertainty)
    price = SPREADS["rental_price"]
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

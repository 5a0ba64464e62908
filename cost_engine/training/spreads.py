"""What is unknown of a training run, and by how much: one lognormal factor an input.

Here belong the names of the factors and the choice of a spread for each run, after appendix B.4 of
Cottier et al. 2024, arXiv:2405.21015, with one change: a quantity that was reported is tight. The
spreads are in ``warehouse/reference`` and come in as an argument; what follows from them for costs
is in ``uncertainty``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from cost_engine.training.run import PRICE_PERFORMANCE_ORDERS_PER_YEAR
from cost_engine.uncertainty import NORMAL_95TH_PERCENTILE, lognormal_parameters
from cost_engine.units import DAYS_PER_YEAR

Array = NDArray[np.float64]
Range = tuple[float, float]
"""5th and 95th percentile."""

TREND_RANGE: Range = (0.10, 0.18)
"""Price-performance trend. [OOM / year] arXiv:2405.21015, appendix B.4."""
START_DAYS = 120.0
"""The start of training is known to this many days, 90 %. [d] arXiv:2405.21015, appendix B.4."""
SMALL_RUN_FLOPS = 1e22
"""Below this, chips are often idle most of the time. [FLOP] assumption, from the coverage test."""

HOURS_FACTORS = ("hours", "quantity", "time", "compute", "utilisation")
"""Inputs that GPU-hours depend on."""
PRICE_FACTORS = ("price", "hardware_imputed", "server_overhead", "interconnect")
"""Inputs that the price of the hardware depends on."""
AGE_FACTORS = ("trend", "start")
"""Inputs that the remaining value of the hardware depends on."""
ENERGY_FACTORS = ("power", "pue", "electricity")
"""Inputs that the energy and its price depend on, beside GPU-hours."""
FACTORS = (*HOURS_FACTORS, *PRICE_FACTORS, *AGE_FACTORS, *ENERGY_FACTORS)
"""All inputs whose shares of the variance are reported."""


@dataclass(frozen=True)
class Spread:
    """A 90 % range relative to the central value, with the reason for it [1].

    Examples
    --------
    >>> round(Spread.around(1.25, 1.12, 1.40, "site survey").low, 3)
    0.896
    """

    low: float
    high: float
    source: str

    @classmethod
    def around(cls, central: float, low: float, high: float, source: str) -> Spread:
        """Return the spread of a quantity from its 5th and 95th percentile, in its own unit."""
        return cls(low / central, high / central, source)

    @classmethod
    def of_divisor(cls, central: float, low: float, high: float, source: str) -> Spread:
        """Return the spread of what is divided by a quantity, such as hours by utilisation.

        Examples
        --------
        >>> Spread.of_divisor(0.375, 0.15, 0.60, "reported values").high
        2.5
        """
        return cls(central / high, central / low, source)

    @cached_property
    def log_mean(self) -> float:
        """Mean of the natural logarithm [1]."""
        return float(lognormal_parameters(self.low, self.high)[0])

    @cached_property
    def log_deviation(self) -> float:
        """Deviation of the natural logarithm [1]."""
        return float(lognormal_parameters(self.low, self.high)[1])


@dataclass(frozen=True)
class Uncertainty:
    """Log means and deviations of each factor, one column a factor, one row a run.

    Attributes
    ----------
    log_means, log_deviations : array of shape (n, len(FACTORS))
        Zero where the factor is certain or does not apply. [1]
    spreads : mapping of str to Spread
        The spreads from which they were chosen.
    """

    log_means: Array
    log_deviations: Array
    spreads: Mapping[str, Spread]

    def column(self, name: str) -> Array:
        """Return the log deviations of one factor [1]."""
        return self.log_deviations[:, FACTORS.index(name)]

    def of_rows(self, rows: NDArray[np.bool_] | NDArray[np.intp]) -> Uncertainty:
        """Return the uncertainty of some runs, by mask or by index."""
        return Uncertainty(self.log_means[rows], self.log_deviations[rows], self.spreads)


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
    spreads: Mapping[str, Spread],
) -> Uncertainty:
    """Return what is unknown for each run, and by how much.

    Parameters
    ----------
    hours_method : sequence of {"reported", "quantity*time", "compute/(peak*mfu)", "none"}
        How the GPU-hours were found.
    confidence : sequence of {"Confident", "Likely", "Speculative", "Unknown"}
        How sure the record is of its compute and time.
    is_tpu, is_hyperscaler, is_hardware_imputed, is_utilisation_reported : sequence of bool
    is_overhead_applied : sequence of bool
        Whether the chip price was raised to that of its share of a server.
    is_start_known : sequence of bool
    training_flops, flops_low, flops_high : sequence of float or None
        Compute of the run and, where given, its bounds. [FLOP]
    spreads : mapping of str to Spread
        How uncertain each kind of input is.

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
            put(row, "hours", spreads["hours_reported"])
        elif method == "quantity*time":
            put(row, "quantity", spreads["quantity"])
            put(row, "time", spreads["time_confident" if is_confident else "time"])
        elif method == "compute/(peak*mfu)":
            size = training_flops[row]
            low = flops_low[row] if flops_low else None
            high = flops_high[row] if flops_high else None
            if size and low and high and low <= high:
                put(row, "compute", Spread(low / size, high / size, "bounds of the record"))
            else:
                put(row, "compute", spreads["compute_confident" if is_confident else "compute"])
            utilisation = "utilisation"
            if is_utilisation_reported[row]:
                utilisation = "utilisation_reported"
            elif size and size < SMALL_RUN_FLOPS:
                utilisation = "utilisation_small"
            put(row, "utilisation", spreads[utilisation])
        put(row, "price", spreads["price_tpu" if is_tpu[row] else "price_gpu"])
        if is_hardware_imputed[row]:
            put(row, "hardware_imputed", spreads["hardware_imputed"])
        if is_overhead_applied[row]:
            put(row, "server_overhead", spreads["server_overhead"])
        put(row, "interconnect", spreads["interconnect"])
        put(row, "power", spreads["power_tpu" if is_tpu[row] else "power_gpu"])
        put(row, "pue", spreads["pue_hyperscaler" if is_hyperscaler[row] else "pue"])
        put(row, "electricity", spreads["electricity"])
        low_k, high_k = TREND_RANGE
        deviations[row, FACTORS.index("trend")] = (high_k - low_k) / (2 * NORMAL_95TH_PERCENTILE)
        if not is_start_known[row]:
            years = START_DAYS / DAYS_PER_YEAR / NORMAL_95TH_PERCENTILE
            deviations[row, FACTORS.index("start")] = (
                years * PRICE_PERFORMANCE_ORDERS_PER_YEAR * math.log(10)
            )
    return Uncertainty(means, deviations, spreads)

"""How uncertain the cost of a planned training run is: utilisation, price and number of runs.

The plan itself is in ``planning``; the ranges come in as arguments.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cost_engine.uncertainty import log_deviation_between_deciles, lognormal_parameters

Range = tuple[float, float]


class PlanIntervals(NamedTuple):
    """Central 90 % and 80 % intervals of the cost of a plan [USD]."""

    low: float
    high: float
    low_80: float
    high_80: float


def plan_intervals(
    usd: float,
    relative_utilisation: NDArray[np.float64],
    usd_per_gpu_hour_low: float,
    usd_per_gpu_hour_high: float,
    generator: np.random.Generator,
    experiment_range: Range | None = None,
    runs_multiplier: float = 1.0,
) -> PlanIntervals:
    """Return the intervals of a plan's cost by Monte Carlo.

    Parameters
    ----------
    usd : float
        Cost of the plan. [USD]
    relative_utilisation : array of shape (n,)
        Draws of the utilisation over the planned one. [1]
    usd_per_gpu_hour_low, usd_per_gpu_hour_high : float
        10th and 90th percentile of the price. [USD / (GPU h)]
    generator : numpy.random.Generator
    experiment_range : (float, float), optional
        5th and 95th percentile of all compute over that of the final run. Default: only the final
        run counts. [1]
    runs_multiplier : float
        Multiplier for the experiments that the plan's cost includes, at their median. [1]

    Examples
    --------
    >>> generator = np.random.default_rng(1)
    >>> utilisation = generator.lognormal(0.0, 0.3, 10_000)
    >>> found = plan_intervals(1e6, utilisation, 1.9, 3.9, generator)
    >>> found.low < found.low_80 < 1e6 < found.high_80 < found.high
    True
    """
    draws = len(relative_utilisation)
    spread = log_deviation_between_deciles(usd_per_gpu_hour_low, usd_per_gpu_hour_high)
    cost = usd / relative_utilisation * np.exp(generator.normal(0.0, spread, draws))
    if experiment_range is not None:
        mean, deviation = lognormal_parameters(*experiment_range)
        cost *= generator.lognormal(mean, deviation, draws) / runs_multiplier
    low, low_80, high_80, high = np.quantile(cost, [0.05, 0.1, 0.9, 0.95]).tolist()
    return PlanIntervals(low, high, low_80, high_80)

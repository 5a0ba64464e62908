"""What the same specifications cost over the years: a regression of prices on what a GPU has.

Pure arithmetic. The log price of a row is explained by its quarter, by the logarithms of memory,
bandwidth and FLOP/s, and by marks such as the market family. A provider weighs the same in every
quarter, whatever the number of its rows, and is a cluster for the errors.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, log, sqrt

import numpy as np
from scipy.special import stdtrit

from cost_engine.like_for_like import INTERVAL_LEVEL

PROVIDER_MINIMUM = 10
"""Fewest providers of a quarter that is published. [1]"""

GPU_MINIMUM = 5
"""Fewest GPUs of a quarter that is published. [1]"""


@dataclass(frozen=True)
class PricedGpu:
    """The price of a GPU at a provider in a quarter, and what the GPU has."""

    quarter: int  # quarters since any fixed one
    provider_id: str
    gpu_id: str
    usd_per_gpu_hour: float  # above zero [USD / (GPU h)]
    figures: Mapping[str, float]  # above zero; enter as logarithms
    marks: Mapping[str, str]  # kind of mark to its value, as family to neocloud


@dataclass(frozen=True)
class Quarter:
    """The price of the same specifications in a quarter, over the base quarter."""

    quarter: int
    log_level: float  # 0 in the base quarter [ln]
    standard_error: float  # of log_level [ln]
    degrees: int
    provider_count: int
    gpu_count: int

    @property
    def is_published(self) -> bool:
        """Whether enough providers and GPUs stand behind it."""
        return self.provider_count >= PROVIDER_MINIMUM and self.gpu_count >= GPU_MINIMUM

    @property
    def index(self) -> float:
        """The index, 100 in the base quarter [1]."""
        return 100 * exp(self.log_level)

    @property
    def interval(self) -> tuple[float, float]:
        """80 % interval of the index [1]."""
        quantile = float(stdtrit(self.degrees, (1 + INTERVAL_LEVEL) / 2))
        half = quantile * self.standard_error
        return 100 * exp(self.log_level - half), 100 * exp(self.log_level + half)


@dataclass(frozen=True)
class Coefficient:
    """What one figure or mark does to the log price."""

    name: str  # a figure, or mark=value against the most common value
    value: float
    standard_error: float


@dataclass(frozen=True)
class HedonicFit:
    """The levels of all quarters, and what explains the rest."""

    quarters: tuple[Quarter, ...]
    coefficients: tuple[Coefficient, ...]
    r_squared: float
    log_deviation: float  # root mean squared residual [ln]


def hedonic_fit(rows: Sequence[PricedGpu], base_quarter: int) -> HedonicFit:
    """Fit the prices of the same specifications by quarter.

    Parameters
    ----------
    rows : sequence of PricedGpu
        All with the same kinds of figures and marks.
    base_quarter : int
        The quarter whose level is 0.

    Returns
    -------
    HedonicFit
        Quarters in order. Errors are clustered by provider (CR1), with one degree of freedom less
        than there are providers.

    Raises
    ------
    ValueError
        If the base quarter has no row, there are under two providers, or a number is not above 0.

    Examples
    --------
    Memory doubles the price of twice as much; a year later everything costs a tenth less.

    >>> rows = [
    ...     PricedGpu(quarter, provider, str(memory), memory * level / 40, {"memory": memory}, {})
    ...     for quarter, level in ((0, 1.0), (4, 0.9))
    ...     for provider in "abc"
    ...     for memory in (40, 80)
    ... ]
    >>> fit = hedonic_fit(rows, 0)
    >>> [round(quarter.index, 6) for quarter in fit.quarters]
    [100.0, 90.0]
    >>> [(one.name, round(one.value, 6)) for one in fit.coefficients]
    [('memory', 1.0)]
    """
    quarters = sorted({row.quarter for row in rows})
    if base_quarter not in quarters:
        raise ValueError(f"no price in the base quarter {base_quarter}")
    if any(min((row.usd_per_gpu_hour, *row.figures.values())) <= 0 for row in rows):
        raise ValueError("a price and a figure must be above 0")
    names, design = _design(rows, [quarter for quarter in quarters if quarter != base_quarter])
    values = np.array([log(row.usd_per_gpu_hour) for row in rows])
    of_provider = Counter((row.provider_id, row.quarter) for row in rows)
    weights = np.array([1 / of_provider[row.provider_id, row.quarter] for row in rows])
    clusters = sorted({row.provider_id for row in rows})
    if len(clusters) < 2:
        raise ValueError("one provider alone tells nothing about the spread of prices")
    solution, errors, residuals = _clustered(
        design, values, weights, [row.provider_id for row in rows]
    )
    found = dict(zip(names, zip(solution, errors, strict=True), strict=True))
    mean = np.average(values, weights=weights)
    unexplained = float(np.average(residuals**2, weights=weights))
    return HedonicFit(
        quarters=tuple(
            Quarter(
                quarter,
                *(found[f"quarter={quarter}"] if quarter != base_quarter else (0.0, 0.0)),
                degrees=len(clusters) - 1,
                provider_count=len({row.provider_id for row in rows if row.quarter == quarter}),
                gpu_count=len({row.gpu_id for row in rows if row.quarter == quarter}),
            )
            for quarter in quarters
        ),
        coefficients=tuple(
            Coefficient(name, *pair)
            for name, pair in found.items()
            if name != "intercept" and not name.startswith("quarter=")
        ),
        r_squared=1 - unexplained / float(np.average((values - mean) ** 2, weights=weights)),
        log_deviation=sqrt(unexplained),
    )


def _design(rows: Sequence[PricedGpu], quarters: Sequence[int]) -> tuple[list[str], np.ndarray]:
    """Return the names of the columns and the matrix."""
    columns: dict[str, list[float]] = {"intercept": [1.0] * len(rows)}
    for quarter in quarters:
        columns[f"quarter={quarter}"] = [float(row.quarter == quarter) for row in rows]
    for figure in rows[0].figures:
        columns[figure] = [log(row.figures[figure]) for row in rows]
    for mark in rows[0].marks:
        common = Counter(row.marks[mark] for row in rows).most_common()
        for value, _ in sorted(common[1:]):
            columns[f"{mark}={value}"] = [float(row.marks[mark] == value) for row in rows]
    return list(columns), np.array(list(columns.values())).T


def _clustered(
    design: np.ndarray, values: np.ndarray, weights: np.ndarray, clusters: Sequence[str]
) -> tuple[list[float], list[float], np.ndarray]:
    """Return weighted least squares, its errors clustered (CR1), and the residuals."""
    weighted = design * weights[:, None]
    inverse = np.linalg.pinv(design.T @ weighted)
    solution = inverse @ (weighted.T @ values)
    residuals = values - design @ solution
    labels = np.array(clusters)
    names = sorted(set(clusters))
    scores = np.array(
        [(weighted[labels == name] * residuals[labels == name, None]).sum(axis=0) for name in names]
    )
    count, (row_count, column_count) = len(names), design.shape
    factor = count / (count - 1) * (row_count - 1) / max(row_count - column_count, 1)
    variance = factor * inverse @ (scores.T @ scores) @ inverse
    errors = np.sqrt(np.maximum(np.diag(variance), 0.0))
    return solution.tolist(), errors.tolist(), residuals

"""How many GPUs a job needs, hour by hour: the load that a plan has to cover.

Pure arithmetic. What covering it costs is in ``commitments``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cost_engine.units import HOURS_PER_MONTH, finite, positive

Values = NDArray[np.float64]
MOST_MONTHS = 120
"""Longest job that is planned. [month] assumption: no price is quoted for longer."""
MOST_STEPS = 1_000_000
"""Steps of a load over its job: a step of five minutes for nine years. [1]"""
ROUNDING = 1e-9
"""Share of a GPU that is rounding. [GPU]"""


@dataclass(frozen=True)
class Load:
    """GPUs needed by a job, as one load duration curve a month.

    Attributes
    ----------
    month : array of int
        Month of the job, from 0. [month]
    gpu_count : array of float
        GPUs needed at the same time. [GPU]
    hours : array of float
        For how many hours of that month. [h]
    """

    month: NDArray[np.int64]
    gpu_count: Values
    hours: Values

    @property
    def month_count(self) -> int:
        """Months that the job touches [month]."""
        return int(self.month.max()) + 1

    @property
    def gpu_hours(self) -> float:
        """GPU-hours that the job needs [GPU h]."""
        return float(self.gpu_count @ self.hours)

    @property
    def peak_gpu_count(self) -> float:
        """Most GPUs needed at once [GPU]."""
        return float(self.gpu_count.max())

    @property
    def mean_gpu_count(self) -> float:
        """GPU-hours over the hours of the job [GPU]."""
        return self.gpu_hours / float(self.hours.sum())


def load_of(
    profile_gpu_count: Sequence[float],
    job_months: float,
    profile_hours: Sequence[float] | None = None,
    ramp_months: float = 0.0,
) -> Load:
    """Return the load of a job whose profile repeats until it ends.

    Parameters
    ----------
    profile_gpu_count : sequence of float
        GPUs needed in each step of the profile. [GPU]
    job_months : float
        Length of the job, at most ``MOST_MONTHS``. [month]
    profile_hours : sequence of float, optional
        Length of each step; one hour each, where not given. [h]
    ramp_months : float
        Months over which the need grows evenly from nothing to the profile. [month]

    Raises
    ------
    ValueError
        If the profile is empty, needs nothing, or a number is out of range.

    Examples
    --------
    Eight GPUs by day and two by night, for two months.

    >>> load = load_of([2, 8], 2, [12, 12])
    >>> load.peak_gpu_count, round(load.mean_gpu_count, 1), load.month_count
    (8.0, 5.0, 2)
    """
    count = np.asarray(profile_gpu_count, dtype=float)
    length = np.ones_like(count) if profile_hours is None else np.asarray(profile_hours, float)
    if not count.size or count.shape != length.shape:
        raise ValueError("a load needs at least one step, and hours for each or for none")
    if not (np.isfinite(count).all() and (count >= 0).all() and count.max() > 0):
        raise ValueError("GPUs of a load must be finite, not negative, and not all 0")
    positive("profile_hours", length)
    months = positive("job_months", job_months)
    if months > MOST_MONTHS:
        raise ValueError(f"job_months = {job_months:g}: at most {MOST_MONTHS} are planned")
    if not 0 <= finite("ramp_months", ramp_months) <= months:
        raise ValueError("ramp_months must lie between 0 and job_months")
    total = months * HOURS_PER_MONTH
    repeats = int(np.ceil(total / length.sum()))
    if repeats * count.size > MOST_STEPS:
        raise ValueError(
            f"the load has {repeats * count.size:,} steps; at most {MOST_STEPS:,} are planned:"
            " give it by the hour or coarser"
        )
    ends = np.cumsum(np.tile(length, repeats))
    ends = ends[: int(np.searchsorted(ends, total)) + 1]
    ends[-1] = total
    boundaries = np.arange(1, int(np.ceil(months))) * HOURS_PER_MONTH
    edges = np.union1d(np.append(0.0, ends), boundaries)
    starts, hours = edges[:-1], np.diff(edges)
    month = np.searchsorted(boundaries, starts, side="right")
    needed = np.tile(count, repeats)[np.searchsorted(ends, starts, side="right")]
    if ramp_months:
        needed = needed * np.minimum((month + 1) / ramp_months, 1.0)
    whole = np.ceil(needed - ROUNDING)
    steps, place = np.unique(np.stack([month, whole]), axis=1, return_inverse=True)
    counted = np.asarray(np.bincount(np.ravel(place), weights=hours), dtype=np.float64)
    return Load(steps[0].astype(np.int64), steps[1].astype(np.float64), counted)

"""Plan a training run: cluster size, days, lost time, cost, and the time against cost frontier.

Prices, peaks and memories come in as arguments. The model is sized in ``sizing``; how uncertain the
cost of a plan is, in ``plan_interval``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from cost_engine import compute, energy
from cost_engine.training import run as training
from cost_engine.units import HOURS_PER_DAY, Number, fraction, positive, unwrapped

SERVER_GPUS = 8
"""GPUs of one server. [GPU] DGX and HGX servers."""
DEFAULT_DEADLINE_DAYS = 90.0
"""Length of a run for which a cluster is sized. [d] assumption: a frontier run
takes about a quarter of a year."""
REFERENCE_GPUS = 1024
"""Up to here the size of a cluster costs no MFU. [GPU] assumption: most reports are of fewer."""
Utilisation = float | Callable[[int], float]
"""MFU of any cluster, or by its number of GPUs. [1]"""
FAULTS_PER_GPU_HOUR = 419 / (54 * 24 * 16384)
"""419 interruptions in 54 days on 16,384 GPUs. [1 / (GPU h)] arXiv:2407.21783, section 3.3.4."""
CHECKPOINT_HOURS = 0.5 / 60
"""Time that a checkpoint stops the run. [h] assumption: half a minute, asynchronous writing."""
RESTART_HOURS = 6 / 60
"""From a fault to the next useful step. [h] assumption: with the two above, 16,384 GPUs lose 11 %;
Llama 3 reports a little under 10 %."""


def goodput_at(gpu_count: Number, faults_per_gpu_hour: Number = FAULTS_PER_GPU_HOUR) -> Number:
    """Return the share of time that advances a run, with checkpoints at the best interval [1].

    Young's rule: a checkpoint every ``sqrt(2 * checkpoint * time between faults)``.

    Examples
    --------
    >>> round(goodput_at(16384), 2), round(goodput_at(1024), 2)
    (0.89, 0.98)
    """
    between = 1 / (positive("gpu_count", gpu_count) * faults_per_gpu_hour)
    interval = np.sqrt(2 * CHECKPOINT_HOURS * between)
    lost = CHECKPOINT_HOURS / interval + (interval / 2 + RESTART_HOURS) / between
    return unwrapped(np.clip(1 - lost, 0.05, 1.0))


def utilisation_of(utilisation_fraction: Utilisation, gpu_count: int) -> float:
    """Return the MFU on a cluster [1].

    Examples
    --------
    >>> utilisation_of(0.4, 8), utilisation_of(lambda count: 0.4 if count < 100 else 0.3, 512)
    (0.4, 0.3)
    """
    if callable(utilisation_fraction):
        return utilisation_fraction(gpu_count)
    return utilisation_fraction


@dataclass(frozen=True)
class Plan:
    """A training run on one cluster.

    Attributes
    ----------
    gpu_count : int
    utilisation_fraction, goodput_fraction : float
        MFU, and the share of time that advances the run. [1]
    gpu_hours : float
        Of all runs. [GPU h]
    days : float
        Of the final run. [d]
    usd : float
        Rent of all runs. [USD]
    energy_kwh : float or None
        Of all runs; None where the power of the GPU is not known. [kWh]
    """

    gpu_count: int
    utilisation_fraction: float
    goodput_fraction: float
    gpu_hours: float
    days: float
    usd: float
    energy_kwh: float | None


def plan(
    flops: float,
    gpu_count: int,
    *,
    peak_flops_per_second: float,
    utilisation_fraction: Utilisation,
    usd_per_gpu_hour: float,
    runs_multiplier: float = 1.0,
    goodput_fraction: float | None = None,
    facility_kilowatts: float | None = None,
) -> Plan:
    """Return the time and cost of a run on ``gpu_count`` GPUs.

    Parameters
    ----------
    flops : float
        Compute of the final run. [FLOP]
    gpu_count : int
    peak_flops_per_second : float
        Dense peak of one GPU. [FLOP / s]
    utilisation_fraction : float or callable
        MFU, or the MFU by the number of GPUs. [1]
    usd_per_gpu_hour : float
        [USD / (GPU h)]
    runs_multiplier : float
        All compute over that of the final run; it multiplies hours and cost, not the days of the
        final run. [1]
    goodput_fraction : float, optional
        Default: ``goodput_at(gpu_count)``. [1]
    facility_kilowatts : float, optional
        Average site power of one GPU. [kW]

    Examples
    --------
    Llama 3.1 405B: 3.8e25 FLOP on 16,384 H100s.

    >>> run = plan(3.8e25, 16384, peak_flops_per_second=989.4e12, utilisation_fraction=0.40,
    ...            usd_per_gpu_hour=2.5)
    >>> round(run.days), round(run.gpu_hours / 1e6, 1)
    (76, 29.8)
    """
    utilisation = utilisation_of(utilisation_fraction, gpu_count)
    goodput = float(goodput_at(gpu_count)) if goodput_fraction is None else goodput_fraction
    hours = float(compute.gpu_hours(flops, peak_flops_per_second, utilisation, goodput))
    days = hours / gpu_count / HOURS_PER_DAY
    all_hours = hours * float(positive("runs_multiplier", runs_multiplier))
    return Plan(
        gpu_count=gpu_count,
        utilisation_fraction=utilisation,
        goodput_fraction=goodput,
        gpu_hours=all_hours,
        days=days,
        usd=float(training.rental_usd(usd_per_gpu_hour, all_hours)),
        energy_kwh=None if facility_kilowatts is None else all_hours * facility_kilowatts,
    )


def frontier(plans: Sequence[Plan]) -> list[Plan]:
    """Return the plans that no other plan beats in both days and cost, fastest first.

    Examples
    --------
    >>> cheap = Plan(8, 0.4, 0.99, 100.0, 10.0, 100.0, None)
    >>> quick = Plan(16, 0.4, 0.99, 110.0, 5.5, 110.0, None)
    >>> worse = Plan(12, 0.4, 0.99, 130.0, 11.0, 130.0, None)
    >>> [plan.gpu_count for plan in frontier([cheap, quick, worse])]
    [16, 8]
    """
    best: list[Plan] = []
    for candidate in sorted(plans, key=lambda one: (one.days, one.usd)):
        if not best or candidate.usd < best[-1].usd:
            best.append(candidate)
    return best


def cluster_sizes(minimum: int, maximum: int = 131_072) -> list[int]:
    """Return the minimum and the powers of two above it.

    Examples
    --------
    >>> cluster_sizes(48, 512)
    [48, 64, 128, 256, 512]
    """
    positive("minimum", minimum)
    first = 2 ** math.ceil(math.log2(minimum))
    sizes = [minimum] if minimum != first else []
    while first <= maximum:
        sizes.append(first)
        first *= 2
    return sizes


def gpus_for_deadline(
    flops: float, days: float, *, peak_flops_per_second: float, utilisation_fraction: Utilisation
) -> int:
    """Return the fewest GPUs that finish a run within ``days``, lost time and scaling counted.

    Raises
    ------
    ValueError
        If a million GPUs would not do it.

    Examples
    --------
    >>> gpus_for_deadline(3.8e25, 54, peak_flops_per_second=989.4e12, utilisation_fraction=0.45)
    20885
    """
    positive("days", days)

    def days_with(count: int) -> float:
        return plan(
            flops,
            count,
            peak_flops_per_second=peak_flops_per_second,
            utilisation_fraction=utilisation_fraction,
            usd_per_gpu_hour=1.0,
        ).days

    low, high = 1, 1
    while days_with(high) > days:
        low, high = high, high * 2
        if high > 1_000_000:
            raise ValueError(f"days = {days!r}: must be more; a million GPUs take longer")
    while low < high:
        middle = (low + high) // 2
        if days_with(middle) <= days:
            high = middle
        else:
            low = middle + 1
    return high


def facility_kilowatts(
    board_power_watts: float, server_power_ratio: float, average_power_fraction: float, pue: float
) -> float:
    """Return the average site power of one working GPU [kW].

    Examples
    --------
    >>> round(facility_kilowatts(700, 1.82, 0.75, 1.1), 2)
    1.05
    """
    peak = energy.server_kilowatts_per_chip(board_power_watts, server_power_ratio, pue)
    return float(peak * fraction("average_power_fraction", average_power_fraction))


def gpus_for_run(
    flops: float,
    minimum_gpus: int,
    deadline_days: float | None = None,
    *,
    peak_flops_per_second: float,
    utilisation_fraction: Utilisation,
) -> int:
    """Return the cluster that finishes a run in time, in whole servers, and holds the model.

    Parameters
    ----------
    flops : float
        [FLOP]
    minimum_gpus : int
        GPUs that hold one copy of the training state.
    deadline_days : float, optional
        Default: ``DEFAULT_DEADLINE_DAYS``. [d]
    peak_flops_per_second, utilisation_fraction : float
        As in ``plan``.

    Examples
    --------
    >>> gpus_for_run(3.8e25, 128, 54, peak_flops_per_second=989.4e12, utilisation_fraction=0.45)
    20888
    """
    needed = gpus_for_deadline(
        flops,
        deadline_days or DEFAULT_DEADLINE_DAYS,
        peak_flops_per_second=peak_flops_per_second,
        utilisation_fraction=utilisation_fraction,
    )
    if needed <= minimum_gpus:
        return minimum_gpus
    return -(-needed // SERVER_GPUS) * SERVER_GPUS


def rented_run(
    flops: float,
    peak_flops_per_second: float,
    utilisation_fraction: float,
    goodput_fraction: float,
    runs_multiplier: float,
    usd_per_gpu_hour: float,
) -> tuple[float, float]:
    """Return the hours and the cost of a run on rented GPUs at a known utilisation.

    Parameters
    ----------
    flops, peak_flops_per_second, utilisation_fraction, goodput_fraction, runs_multiplier
        As in ``plan``, but the utilisation is that of the cluster.
    usd_per_gpu_hour : float
        [USD / (GPU h)]

    Returns
    -------
    tuple of float
        GPU-hours and dollars. [GPU h, USD]

    Examples
    --------
    >>> hours, usd = rented_run(1e24, 989.4e12, 0.4, 0.95, 1.0, 2.0)
    >>> round(hours), round(usd)
    (738826, 1477651)
    """
    hours = float(
        compute.gpu_hours(flops, peak_flops_per_second, utilisation_fraction, goodput_fraction)
    )
    hours *= runs_multiplier
    return hours, hours * usd_per_gpu_hour

"""How many GPUs to reserve for a load that changes, and how many to rent by the hour.

Pure arithmetic: the load, the terms and the prices come in as arguments. What one reservation costs
one constant job is in ``prices``; where prices come from is not known here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_matrix, csr_matrix, hstack

from cost_engine.load import ROUNDING, Load, Values
from cost_engine.uncertainty import NORMAL_90TH_PERCENTILE
from cost_engine.units import HOURS_PER_MONTH, finite, fraction, positive

MOST_SECONDS = 60.0
"""Of looking for the cheapest plan. [s]"""
PREFERENCE = 1e-6
"""Share of its price by which one of two equal plans is preferred. [1]"""


@dataclass(frozen=True)
class Commitment:
    """A reservation on offer: paid for every hour of its term, used or not."""

    commitment_months: int
    usd_per_gpu_hour: float


@dataclass(frozen=True)
class Purchase:
    """GPUs of one commitment that start in one month."""

    commitment_months: int
    start_month: int
    gpu_count: int


@dataclass(frozen=True)
class Plan:
    """What is reserved and what is rented by the hour.

    Attributes
    ----------
    purchases : tuple of Purchase
        In order of start.
    reserved_usd, resold_usd, burst_usd : float
        Paid for reservations, recovered by subletting, and paid by the hour. [USD]
    reserved_gpu_hours, burst_gpu_hours : float
        Paid for. [GPU h]
    peak_burst_gpu_count : float
        Most GPUs that are rented by the hour at once. [GPU]
    """

    purchases: tuple[Purchase, ...]
    reserved_usd: float
    resold_usd: float
    burst_usd: float
    reserved_gpu_hours: float
    burst_gpu_hours: float
    peak_burst_gpu_count: float

    @property
    def usd(self) -> float:
        """What the job costs in all [USD]."""
        return self.reserved_usd - self.resold_usd + self.burst_usd

    @property
    def most_reserved_gpu_count(self) -> int:
        """Most GPUs that are reserved at once [GPU]."""
        months = {one.start_month for one in self.purchases}
        return max(
            (
                sum(
                    one.gpu_count
                    for one in self.purchases
                    if one.start_month <= month < one.start_month + one.commitment_months
                )
                for month in months
            ),
            default=0,
        )


def drift_half_width_log(log_variance_per_month: float, job_months: float) -> float:
    """Return half the 80 % interval of the mean price by the hour over a job.

    A reservation locks its price; a price by the hour moves. No trend is assumed.

    Parameters
    ----------
    log_variance_per_month : float
        Variance that the logarithm of a price gains in a month. [ln^2 / month]
    job_months : float
        [month]

    Returns
    -------
    float
        Of the logarithm. [ln]

    Notes
    -----
    The mean of a random walk over a time has a third of the variance of its end.

    Examples
    --------
    >>> round(drift_half_width_log(0.0029, 36), 3)
    0.239
    """
    variance = finite("log_variance_per_month", log_variance_per_month) * job_months / 3
    return NORMAL_90TH_PERCENTILE * float(np.sqrt(variance))


def cheapest_plan(
    load: Load,
    commitments: Sequence[Commitment],
    burst_usd_per_gpu_hour: float | None,
    resale_fraction: float = 0.0,
    gpus_per_node: int = 1,
) -> Plan:
    """Return what to reserve, from when and for how long, so that a load costs least.

    Parameters
    ----------
    load : Load
        GPUs needed. Nodes are taken whole.
    commitments : sequence of Commitment
        Terms on offer; each may start in any month, and again. [month, USD / (GPU h)]
    burst_usd_per_gpu_hour : float or None
        Price of what is rented by the hour; None where everything must be reserved.
        [USD / (GPU h)]
    resale_fraction : float
        Share of its price that a reserved GPU brings in a month in which it is sublet: after the
        job, or while it is not needed at all. [1]
    gpus_per_node : int
        [GPU]

    Returns
    -------
    Plan
        Never above the cost of renting all by the hour, nor of reserving all.

    Raises
    ------
    ValueError
        If there is no way to get a GPU, or no plan is found in time.

    Notes
    -----
    An integer program. With x the nodes of a commitment that start in a month, R the nodes
    reserved in a month, s those of them that are sublet and y the nodes rented by the hour, it
    minimises the price of x, less what s recovers, plus that of y, such that R - s + y covers the
    peak of each month. The load of a month is cut into layers of nodes, each needed for some
    hours; those needed least are rented by the hour first. Only x must be whole: the rest follows.

    Examples
    --------
    Two GPUs always and eight for a quarter of the time: a reservation that costs half of on demand
    pays for the two, which work more than half of the time.

    >>> from cost_engine.load import load_of
    >>> load = load_of([2, 2, 2, 8], 12)
    >>> plan = cheapest_plan(load, [Commitment(12, 1.0)], 2.0)
    >>> plan.most_reserved_gpu_count, plan.peak_burst_gpu_count
    (2, 6)
    """
    if not commitments and burst_usd_per_gpu_hour is None:
        raise ValueError("a plan needs a commitment or a price by the hour")
    if burst_usd_per_gpu_hour is not None:
        positive("burst_usd_per_gpu_hour", burst_usd_per_gpu_hour)
    for one in commitments:
        positive("usd_per_gpu_hour", one.usd_per_gpu_hour)
        if one.commitment_months < 1 or one.commitment_months % 1:
            raise ValueError(
                f"commitment_months = {one.commitment_months:g}: must be whole months, at least 1"
            )
    fraction("resale_fraction", resale_fraction, is_zero_allowed=True)
    program = _Program(load, commitments, burst_usd_per_gpu_hour, resale_fraction, gpus_per_node)
    return program.solved()


class _Program:
    """The integer program of ``cheapest_plan``: its variables in the order x, s, y."""

    def __init__(
        self,
        load: Load,
        commitments: Sequence[Commitment],
        burst_usd_per_gpu_hour: float | None,
        resale_fraction: float,
        gpus_per_node: int,
    ) -> None:
        months, at = load.month_count, np.arange(load.month_count)
        self.commitments = commitments
        self.burst = burst_usd_per_gpu_hour
        self.gpus_per_node = gpus_per_node
        self.layers = _layers(load, gpus_per_node)
        self.month_hours = np.bincount(load.month, weights=load.hours, minlength=months)
        # Of each x: its commitment, its first month and the months that it covers.
        self.kind = np.repeat(np.arange(len(commitments)), months)
        self.start = np.tile(at, len(commitments))
        term = np.array([one.commitment_months for one in commitments], dtype=int)[self.kind]
        first = self.start[:, None]
        self.covers = ((at >= first) & (at < first + term[:, None])).astype(float)
        # Of one node: what its term costs, and what its months after the job bring.
        rate = np.array([one.usd_per_gpu_hour for one in commitments]) * gpus_per_node
        self.paid_hours = term * HOURS_PER_MONTH
        self.price = rate[self.kind] * self.paid_hours
        used_hours = self.covers @ self.month_hours
        unused_hours = self.paid_hours - used_hours
        self.tail = rate[self.kind] * unused_hours * resale_fraction
        # Among equals terms that do not overlap, and then the earliest start.
        self.preference = PREFERENCE * (used_hours / self.paid_hours + self.start / 100)
        self.sublet = np.outer(rate, self.month_hours).ravel() * resale_fraction

    def solved(self) -> Plan:
        """Return the cheapest plan."""
        layers, burst = self.layers, 0.0 if self.burst is None else self.burst
        sizes = (len(self.kind), len(self.sublet), len(layers.month))
        can_sublet = bool(self.sublet.any())
        result = milp(
            np.concatenate(
                [
                    self.price * (1 + self.preference) - self.tail,
                    -self.sublet * (1 - PREFERENCE),
                    burst * layers.hours * self.gpus_per_node,
                ]
            ),
            integrality=np.repeat([1, 0, 0], sizes),
            bounds=Bounds(
                0.0,
                np.concatenate(
                    [
                        np.full(sizes[0], np.inf),
                        np.full(sizes[1], np.inf if can_sublet else 0.0),
                        np.zeros(sizes[2]) if self.burst is None else layers.nodes,
                    ]
                ),
            ),
            constraints=self._constraints(),
            options={"mip_rel_gap": PREFERENCE / 1000, "time_limit": MOST_SECONDS},
        )
        if result.x is None or result.status != 0:
            raise ValueError(f"no cheapest plan found: {result.message}")
        x, s, y = np.split(result.x, np.cumsum(sizes)[:2])
        return self._plan(np.round(x), s, y)

    def _constraints(self) -> list[LinearConstraint]:
        """Return that R - s + y covers each month's peak, and that R - s is never negative."""
        layers, kinds, months = self.layers, len(self.commitments), len(self.month_hours)
        count = len(layers.month)
        rented = coo_matrix(
            (np.ones(count), (layers.month, np.arange(count))), shape=(months, count)
        )
        sublet = csr_matrix(np.tile(-np.eye(months), kinds))
        covered = csr_matrix(hstack([csr_matrix(self.covers.T), sublet, rented]))
        peak = np.bincount(layers.month, weights=layers.nodes, minlength=months)
        own = (self.kind == np.arange(kinds)[:, None])[:, None, :] * self.covers.T
        reserved = csr_matrix(own.reshape(kinds * months, len(self.kind)))
        none = csr_matrix((kinds * months, count))
        owned = csr_matrix(hstack([reserved, csr_matrix(-np.eye(kinds * months)), none]))
        limits = [LinearConstraint(covered, peak, np.inf)]
        return [*limits, LinearConstraint(owned, 0.0, np.inf)] if kinds else limits

    def _plan(self, x: Values, s: Values, y: Values) -> Plan:
        gpus = self.gpus_per_node
        bought = [
            Purchase(self.commitments[int(kind)].commitment_months, int(start), round(count) * gpus)
            for kind, start, count in zip(self.kind, self.start, x, strict=True)
            if count
        ]
        hours = float(self.layers.hours @ y) * gpus
        at_once = np.bincount(self.layers.month, weights=y)
        return Plan(
            purchases=tuple(
                sorted(bought, key=lambda one: (one.start_month, one.commitment_months))
            ),
            reserved_usd=float(self.price @ x),
            resold_usd=float(self.tail @ x + self.sublet @ s),
            burst_usd=hours * (self.burst or 0.0),
            reserved_gpu_hours=float(self.paid_hours @ x) * gpus,
            burst_gpu_hours=hours,
            peak_burst_gpu_count=round(at_once.max()) * gpus,
        )


@dataclass(frozen=True)
class _Layers:
    """A load cut into layers of nodes: in which month, how many nodes, for how many hours."""

    month: NDArray[np.int64]
    nodes: Values
    hours: Values


def _layers(load: Load, gpus_per_node: int) -> _Layers:
    """Return the layers of a load, the steps of which are in order of month and GPUs.

    Examples
    --------
    Two nodes for three hours, of which one hour needs five.

    >>> from cost_engine.load import load_of
    >>> found = _layers(load_of([2, 2, 5], 3 / HOURS_PER_MONTH), 1)
    >>> found.nodes.tolist(), found.hours.round(9).tolist()
    ([2.0, 3.0], [3.0, 1.0])
    """
    nodes = np.ceil(load.gpu_count / gpus_per_node - ROUNDING)
    is_first = np.diff(load.month, prepend=-1) > 0
    below = np.where(is_first, 0.0, np.roll(nodes, 1))
    from_here = np.cumsum(load.hours[::-1])[::-1]
    # Hours of the same month that need at least this many nodes.
    month_ends = np.append(np.flatnonzero(is_first)[1:], len(nodes))
    after = np.append(from_here, 0.0)[month_ends][np.cumsum(is_first) - 1]
    return _Layers(load.month, nodes - below, from_here - after)

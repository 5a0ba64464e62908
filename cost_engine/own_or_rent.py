"""Own a cluster or rent it, with a band: the cost of owning under uncertain assumptions.

Here belong the draws over the assumptions and the comparison with a rental price. The sums for one
set of assumptions are in ``ownership``; the ranges and prices come in as arguments.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from cost_engine.ownership import Ownership, break_even_spend_usd_per_year
from cost_engine.uncertainty import Draws, log_deviation_between_deciles, lognormal
from cost_engine.units import HOURS_PER_YEAR, Number

Ranges = Mapping[str, tuple[float, float, float]]
"""Assumption to its 5th percentile, central value and 95th percentile."""

RULE_OF_THUMB_USD_PER_YEAR = 50e6
"""Yearly rent above which owning is said to pay. [USD / year] A rule of thumb that
is reported beside our band and never used to make it."""
LARGEST_DRAWN_FRACTION = 0.9
"""Bound on the drawn fractions of a price or a power. [1] assumption: beyond it nothing is left."""


@dataclass(frozen=True)
class Comparison:
    """Owning against renting one kind of GPU. None where a break-even is never reached.

    Attributes
    ----------
    owned_usd_per_gpu_hour, low, high : float
        Cost of an hour of work and its 90 % band. [USD / (GPU h)]
    break_even_utilisation_fraction : float or None
        Utilisation above which owning is cheaper; with its band. [1]
    break_even_month : float or None
        Month in which renting has cost as much as buying and running; with its band. [month]
    break_even_spend_usd_per_year : float or None
        Yearly rent above which owning the same hours is cheaper; with its band. [USD / year]
    probability_owning_is_cheaper : float
        Share of the draws. [1]
    """

    owned_usd_per_gpu_hour: float
    low: float | None
    high: float | None
    break_even_utilisation_fraction: float | None
    break_even_utilisation_low: float | None
    break_even_utilisation_high: float | None
    break_even_month: float | None
    break_even_month_low: float | None
    break_even_month_high: float | None
    break_even_spend_usd_per_year: float | None
    break_even_spend_low: float | None
    break_even_spend_high: float | None
    probability_owning_is_cheaper: float

    @property
    def is_never_cheaper(self) -> bool:
        """Whether even GPUs that always work cost more than rented ones."""
        even = self.break_even_utilisation_fraction
        return even is None or even > 1


def ownership_draws(
    purchase_usd: float,
    board_power_watts: float,
    usd_per_kwh: float,
    ranges: Ranges,
    fixed: Mapping[str, float],
    generator: np.random.Generator,
    draws: int,
) -> tuple[Ownership, Ownership, Draws]:
    """Return the central case, the drawn cases and the drawn utilisation.

    Parameters
    ----------
    purchase_usd : float
        List price of one GPU with its share of a server. [USD]
    board_power_watts : float
        [W]
    usd_per_kwh : float
        Mean price of electricity. [USD / kWh]
    ranges : mapping
        Every field of ``Ownership`` but the three above, ``purchase_price_factor``,
        ``electricity_factor`` and ``fleet_utilisation_fraction``.
    fixed : mapping of str to float
        Assumptions that are known: not drawn.
    generator : numpy.random.Generator
    draws : int
    """
    central: dict[str, Any] = {}
    drawn: dict[str, Any] = {}
    for name, (low, middle, high) in ranges.items():
        sample = lognormal(generator, low, high, draws)
        central[name] = fixed.get(name, middle)
        drawn[name] = np.full(draws, fixed[name]) if name in fixed else sample
    for name in ("network_fraction", "residual_fraction", "idle_power_fraction"):
        drawn[name] = np.minimum(drawn[name], LARGEST_DRAWN_FRACTION)
    utilisation = np.minimum(drawn.pop("fleet_utilisation_fraction"), 1.0)
    central.pop("fleet_utilisation_fraction")

    def build(values: dict[str, Any]) -> Ownership:
        price_factor = values.pop("purchase_price_factor")
        electricity_factor = values.pop("electricity_factor")
        return Ownership(
            purchase_usd=purchase_usd * price_factor,
            board_power_watts=board_power_watts,
            usd_per_kwh=usd_per_kwh * electricity_factor,
            **values,
        )

    return build(central), build(drawn), utilisation


def comparison(
    *,
    gpu_count: int,
    median_usd_per_gpu_hour: float,
    p10_usd_per_gpu_hour: float,
    p90_usd_per_gpu_hour: float,
    purchase_usd: float,
    board_power_watts: float,
    usd_per_kwh: float,
    fleet_utilisation_fraction: float,
    ranges: Ranges,
    fixed: Mapping[str, float],
    seed: int,
    draws: int,
) -> Comparison:
    """Return owning against renting one kind of GPU at one size of cluster.

    Parameters
    ----------
    gpu_count : int
    median_usd_per_gpu_hour, p10_usd_per_gpu_hour, p90_usd_per_gpu_hour : float
        Median, 10th and 90th percentile of the rent. [USD / (GPU h)]
    purchase_usd, board_power_watts, usd_per_kwh, ranges, fixed, draws
        As in ``ownership_draws``.
    fleet_utilisation_fraction : float
        Of the central case. [1]
    seed : int
        Of the draws over the assumptions; the rents are drawn with the next one.

    Returns
    -------
    Comparison
    """
    central, drawn, utilisation = ownership_draws(
        purchase_usd,
        board_power_watts,
        usd_per_kwh,
        ranges,
        fixed,
        np.random.default_rng(seed),
        draws,
    )
    rent = median_usd_per_gpu_hour
    deviation = log_deviation_between_deciles(p10_usd_per_gpu_hour, p90_usd_per_gpu_hour)
    rents = rent * np.exp(deviation * np.random.default_rng(seed + 1).standard_normal(draws))
    owned = drawn.usd_per_gpu_hour(gpu_count, utilisation)
    low, high = _band(owned)
    utilisation_low, utilisation_high = _band(drawn.break_even_utilisation(rents, gpu_count))
    month_low, month_high = _band(drawn.break_even_month(rents, gpu_count, utilisation))
    spend_low, spend_high = _band(break_even_spend_usd_per_year(drawn, rents, utilisation))
    return Comparison(
        owned_usd_per_gpu_hour=central.usd_per_gpu_hour(gpu_count, fleet_utilisation_fraction),
        low=low,
        high=high,
        break_even_utilisation_fraction=finite_or_none(
            central.break_even_utilisation(rent, gpu_count)
        ),
        break_even_utilisation_low=utilisation_low,
        break_even_utilisation_high=utilisation_high,
        break_even_month=finite_or_none(
            central.break_even_month(rent, gpu_count, fleet_utilisation_fraction)
        ),
        break_even_month_low=month_low,
        break_even_month_high=month_high,
        break_even_spend_usd_per_year=finite_or_none(
            break_even_spend_usd_per_year(central, rent, fleet_utilisation_fraction)
        ),
        break_even_spend_low=spend_low,
        break_even_spend_high=spend_high,
        probability_owning_is_cheaper=float(np.mean(owned < rents)),
    )


def never_reason(own: Ownership, gpu_count: int, rental_usd_per_gpu_hour: float) -> str:
    """Return why owning never pays: the cost of a GPU that always works, and its largest part.

    Parameters
    ----------
    own : Ownership
        The central case.
    gpu_count : int
    rental_usd_per_gpu_hour : float
        [USD / (GPU h)]
    """
    parts = own.parts_usd_per_gpu_hour(gpu_count, 1.0)
    largest = max(parts, key=lambda name: float(parts[name]))
    return (
        f"a GPU that always works costs its owner {sum(map(float, parts.values())):.2f} USD an hour"
        f" and rents at {rental_usd_per_gpu_hour:.2f}; its largest part is the {largest},"
        f" {float(parts[largest]):.2f}"
    )


def finite_or_none(value: Number) -> float | None:
    """Return a number, or None where it is infinite or not a number.

    Examples
    --------
    >>> finite_or_none(3), finite_or_none(float("inf"))
    (3.0, None)
    """
    return float(value) if np.isfinite(value) else None


def yearly_rent_usd(
    usd_per_gpu_hour: float, fleet_utilisation_fraction: float, gpu_count: int
) -> float:
    """Return the yearly bill for renting the hours that a cluster works [USD / year].

    Examples
    --------
    >>> yearly_rent_usd(2.0, 0.5, 1000)
    8766000.0
    """
    return usd_per_gpu_hour * HOURS_PER_YEAR * fleet_utilisation_fraction * gpu_count


def is_in_band(value: float, low: float | None, high: float | None) -> bool:
    """Return whether a value lies in a band, an end of which may be unbounded (None).

    Examples
    --------
    >>> is_in_band(50e6, 20e6, None), is_in_band(50e6, 60e6, 90e6)
    (True, False)
    """
    return (low or 0) <= value and (high is None or value <= high)


def _band(draws: Draws) -> tuple[float | None, float | None]:
    """Return the 5th and 95th percentile; None where that end is never reached."""
    low, high = np.quantile(draws, [0.05, 0.95], method="higher")
    return finite_or_none(low), finite_or_none(high)

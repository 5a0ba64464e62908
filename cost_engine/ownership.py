"""Own a cluster or rent it: yearly cost of owning, break-even against a rental price.

Prices and assumptions come in as arguments. How uncertain they are is handled in ``own_or_rent``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np

from cost_engine.units import (
    HOURS_PER_MONTH,
    HOURS_PER_YEAR,
    MONTHS_PER_YEAR,
    WATTS_PER_KILOWATT,
    Number,
    fraction,
    non_negative,
    positive,
    unwrapped,
)


@dataclass(frozen=True)
class Ownership:
    """What one GPU of an owned cluster takes. Scalars, or arrays of one shape (draws).

    Attributes
    ----------
    purchase_usd : float or array
        One GPU with its share of the server. [USD]
    board_power_watts : float or array
        Of the GPU. [W]
    usd_per_kwh : float or array
        Electricity. [USD / kWh]
    network_fraction : float or array
        Cluster network over the price of the whole cluster. [1]
    interest_fraction : float or array
        Cost of capital a year. [1 / year]
    lifetime_years : float or array
    residual_fraction : float or array
        Resale at the end over the price paid. [1]
    server_power_ratio, pue : float or array
        Server over GPU power, site over server power. [1]
    average_power_fraction, idle_power_fraction : float or array
        Draw over peak of a working and of an idle server. [1]
    space_usd_per_kilowatt_month : float or array
        Rent of the hall for each kW of peak server power. [USD / (kW month)]
    maintenance_fraction : float or array
        Of the price a year. [1 / year]
    team_usd_per_year : float or array
        People whom any cluster needs. [USD / year]
    team_usd_per_gpu_year : float or array
        People whom each GPU adds. [USD / (GPU year)]
    """

    purchase_usd: Number
    board_power_watts: Number
    usd_per_kwh: Number
    network_fraction: Number
    interest_fraction: Number
    lifetime_years: Number
    residual_fraction: Number
    server_power_ratio: Number
    pue: Number
    average_power_fraction: Number
    idle_power_fraction: Number
    space_usd_per_kilowatt_month: Number
    maintenance_fraction: Number
    team_usd_per_year: Number
    team_usd_per_gpu_year: Number

    def __post_init__(self) -> None:
        """Refuse values that no cluster can have."""
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name in ("network_fraction", "residual_fraction", "idle_power_fraction"):
                fraction(field.name, value, is_zero_allowed=True)
            elif field.name.startswith(("team", "space", "maintenance", "interest")):
                non_negative(field.name, value)
            else:
                positive(field.name, value)

    @property
    def cluster_usd(self) -> Number:
        """Price of one GPU with server and cluster network [USD / GPU]."""
        return self.purchase_usd / (1 - self.network_fraction)

    @property
    def peak_server_kilowatts(self) -> Number:
        """Peak power of one GPU's share of the server, without the site [kW / GPU]."""
        return self.board_power_watts / WATTS_PER_KILOWATT * self.server_power_ratio

    def capital_usd_per_year(self) -> Number:
        """Return the yearly payment that buys the hardware and earns its interest [USD / GPU year].

        Annuity of the price less the present value of the residual.
        """
        growth = (1 + self.interest_fraction) ** self.lifetime_years
        present = self.cluster_usd * (1 - self.residual_fraction / growth)
        rate = np.asarray(self.interest_fraction, dtype=float)
        with np.errstate(divide="ignore", invalid="ignore"):
            factor = np.where(
                rate > 0, rate / (1 - 1 / growth), 1 / np.asarray(self.lifetime_years)
            )
        return unwrapped(present * factor)

    def power_usd_per_year(self, fleet_utilisation_fraction: Number) -> Number:
        """Return the yearly electricity at a utilisation, idle hours included [USD / GPU year]."""
        busy = fraction(
            "fleet_utilisation_fraction", fleet_utilisation_fraction, is_zero_allowed=True
        )
        draw = busy * self.average_power_fraction + (1 - busy) * self.idle_power_fraction
        kilowatts = self.peak_server_kilowatts * self.pue * draw
        return kilowatts * HOURS_PER_YEAR * self.usd_per_kwh

    def fixed_usd_per_year(self, gpu_count: Number) -> Number:
        """Return what one GPU costs a year whether it works or not, power left out [USD / GPU]."""
        parts = self.parts_usd_per_gpu_hour(positive("gpu_count", gpu_count), 1.0)
        return HOURS_PER_YEAR * (
            parts["capital"] + parts["space"] + parts["maintenance"] + parts["team"]
        )

    def parts_usd_per_gpu_hour(
        self, gpu_count: Number, fleet_utilisation_fraction: Number
    ) -> dict[str, Number]:
        """Return what makes up the cost of an hour of work [USD / (GPU h)]."""
        hours = HOURS_PER_YEAR * fraction("fleet_utilisation_fraction", fleet_utilisation_fraction)
        yearly = {
            "capital": self.capital_usd_per_year(),
            "team": self.team_usd_per_gpu_year + self.team_usd_per_year / gpu_count,
            "space": self.peak_server_kilowatts
            * self.space_usd_per_kilowatt_month
            * MONTHS_PER_YEAR,
            "maintenance": self.cluster_usd * self.maintenance_fraction,
            "power": self.power_usd_per_year(fleet_utilisation_fraction),
        }
        return {name: value / hours for name, value in yearly.items()}

    def usd_per_gpu_hour(self, gpu_count: Number, fleet_utilisation_fraction: Number) -> Number:
        """Return what an hour of work costs the owner [USD / (GPU h)].

        Examples
        --------
        >>> own = Ownership(
        ...     purchase_usd=28_000, board_power_watts=700, usd_per_kwh=0.09, network_fraction=0.19,
        ...     interest_fraction=0.09, lifetime_years=5, residual_fraction=0.1,
        ...     server_power_ratio=1.8, pue=1.25, average_power_fraction=0.75,
        ...     idle_power_fraction=0.3, space_usd_per_kilowatt_month=184,
        ...     maintenance_fraction=0.03, team_usd_per_year=3e6, team_usd_per_gpu_year=200)
        >>> round(own.usd_per_gpu_hour(4096, 0.7), 2)
        2.25
        """
        busy = fraction("fleet_utilisation_fraction", fleet_utilisation_fraction)
        yearly = self.fixed_usd_per_year(gpu_count) + self.power_usd_per_year(busy)
        return yearly / (HOURS_PER_YEAR * busy)

    def break_even_utilisation(self, rental_usd_per_gpu_hour: Number, gpu_count: Number) -> Number:
        """Return the utilisation above which owning is cheaper than renting hours as needed [1].

        Infinite where even a GPU that always works costs more than the rent of its power.
        """
        rent = positive("rental_usd_per_gpu_hour", rental_usd_per_gpu_hour) * HOURS_PER_YEAR
        idle = self.fixed_usd_per_year(gpu_count) + self.power_usd_per_year(0.0)
        work = self.power_usd_per_year(1.0) - self.power_usd_per_year(0.0)
        margin = np.asarray(rent - work, dtype=float)
        with np.errstate(divide="ignore", invalid="ignore"):
            return unwrapped(np.where(margin > 0, idle / margin, np.inf))

    def break_even_month(
        self,
        rental_usd_per_gpu_hour: Number,
        gpu_count: Number,
        fleet_utilisation_fraction: Number,
    ) -> Number:
        """Return the month in which renting has cost as much as buying and running [month].

        Interest on the outstanding price is paid monthly; nothing is resold. Infinite where the
        rent saved never covers running cost and interest.
        """
        busy = fraction("fleet_utilisation_fraction", fleet_utilisation_fraction)
        rent = positive("rental_usd_per_gpu_hour", rental_usd_per_gpu_hour) * HOURS_PER_MONTH * busy
        running = (
            self.fixed_usd_per_year(gpu_count)
            - self.capital_usd_per_year()
            + self.power_usd_per_year(busy)
        ) / MONTHS_PER_YEAR
        saved = np.asarray(rent - running, dtype=float)
        rate = np.asarray((1 + self.interest_fraction) ** (1 / MONTHS_PER_YEAR) - 1, dtype=float)
        price = np.asarray(self.cluster_usd, dtype=float)
        with np.errstate(divide="ignore", invalid="ignore"):
            covered = 1 - price * rate / saved
            months = np.where(
                rate > 0, -np.log(np.maximum(covered, 1e-300)) / np.log1p(rate), price / saved
            )
        return unwrapped(np.where((saved > 0) & (covered > 0), months, np.inf))

    def with_(self, **changes: Number) -> Ownership:
        """Return a copy with other values."""
        return replace(self, **changes)


def break_even_spend_usd_per_year(
    own: Ownership,
    rental_usd_per_gpu_hour: Number,
    fleet_utilisation_fraction: Number,
) -> Number:
    """Return the yearly rental bill above which owning the same hours is cheaper.

    Parameters
    ----------
    own : Ownership
    rental_usd_per_gpu_hour : float or array
        [USD / (GPU h)]
    fleet_utilisation_fraction : float or array
        Of the owned cluster; rented hours are paid only while used. [1]

    Returns
    -------
    float or array
        [USD / year]. Infinite where no size makes owning cheaper.

    Notes
    -----
    Only the team that any cluster needs does not grow with the cluster, so with ``s`` the saving of
    one GPU a year without it, owning pays from ``team / s`` GPUs.
    """
    busy = fraction("fleet_utilisation_fraction", fleet_utilisation_fraction)
    rent = positive("rental_usd_per_gpu_hour", rental_usd_per_gpu_hour) * HOURS_PER_YEAR * busy
    alone = own.with_(team_usd_per_year=np.zeros_like(np.asarray(own.team_usd_per_year, float)))
    yearly = alone.fixed_usd_per_year(1) + own.power_usd_per_year(busy)
    saving = np.asarray(rent - yearly, dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        gpus = own.team_usd_per_year / saving
    return unwrapped(np.where(saving > 0, gpus * rent, np.inf))


def hall_usd_per_kilowatt_month(
    hall_usd_per_kilowatt: float,
    interest_fraction: float,
    hall_lifetime_years: float,
    hall_operations_fraction: float,
) -> float:
    """Return what a hall of one's own costs for each kW of load: an annuity, and its operation.

    Parameters
    ----------
    hall_usd_per_kilowatt : float
        Construction. [USD / kW]
    interest_fraction : float
        [1 / year]
    hall_lifetime_years : float
        [year]
    hall_operations_fraction : float
        Over the cost of construction. [1 / year]

    Returns
    -------
    float
        [USD / (kW month)]

    Examples
    --------
    >>> round(hall_usd_per_kilowatt_month(11_700, 0.09, 20, 0.03), 1)
    136.1
    """
    interest = positive("interest_fraction", interest_fraction)
    annuity = interest / (1 - (1 + interest) ** -hall_lifetime_years)
    return float(hall_usd_per_kilowatt * (annuity + hall_operations_fraction) / MONTHS_PER_YEAR)


def at_size(sizes: Sequence[int], values: Sequence[float], gpu_count: float) -> float:
    """Return a value between two sizes of cluster, along a straight line of logarithms.

    Below the smallest and above the largest size it is that of the end.

    Examples
    --------
    >>> round(at_size([8, 64], [30e3, 150e3], 8)), round(at_size([8, 64], [30e3, 150e3], 22.6))
    (30000, 67019)
    """
    between = np.interp(np.log(gpu_count), np.log(sizes), np.log(values))
    return float(np.exp(between))

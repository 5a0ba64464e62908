"""Full development cost of a model: all experiments, and the people who made it.

After section 2.4 of Cottier et al. 2024, arXiv:2405.21015. The components of the final run come in
as arguments; the pay and head counts of the four published projects are here with their sources.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np

from cost_engine.uncertainty import (
    Draws,
    interval,
    lognormal,
    lognormal_parameters,
    lognormal_percentile,
)
from cost_engine.units import DAYS_PER_YEAR, HOURS_PER_DAY, Number, fraction, positive, unwrapped

Range = tuple[float, float]
"""5th and 95th percentile."""

EXPERIMENT_FACTOR: Range = (1.2, 4.0)
"""All compute over the final run's. [1] GPT-3 1.14, Meta 1.5, OPT 2, BLOOM 2.7; section 2.4."""
ENERGY_PRICE_FACTOR: Range = (0.6, 1.7)
"""Price paid over the national mean. [1] arXiv:2405.21015, appendix."""
SALARY_USD: Range = ((148e3 * 132e3) ** 0.5, (335e3 * 210e3) ** 0.5)
"""Base pay. [USD / (person year)] levels.fyi, aipaygrad.es."""
OVERHEAD_FACTOR: Range = (1.25, 1.4)
"""Employer's cost over base pay. [1]"""
EQUITY_USD: Range = ((34e3 * 37e3) ** 0.5, (760e3 * 331.25e3) ** 0.5)
"""Equity granted. [USD / (person year)] levels.fyi, aipaygrad.es."""
FULL_TIME_FRACTION: Range = (0.05, 0.8)
"""Share of a contributor's time. [1]"""
_COMPONENTS = ("chip_usd", "server_usd", "interconnect_usd")


@dataclass(frozen=True)
class Role:
    """People of one kind: how many, how much of their time, at what pay."""

    people: int
    full_time_fraction: Range = FULL_TIME_FRACTION
    salary_usd: Range = SALARY_USD
    equity_usd: Range = EQUITY_USD


@dataclass(frozen=True)
class Project:
    """What is known of one development project beside the cost of its final run.

    Attributes
    ----------
    roles : sequence of Role
    years : Range or float
        Duration, as a range or known. [year]
    starts, ends : pair, optional
        Decimal years between which the project began; and the publication with the days between
        its end and the paper: then the duration is their difference, redrawn below
        ``minimum_days``.
    energy_usd : float
        Energy of the final run at the mean electricity price. [USD]
    energy_ranges : sequence of Range
        Further uncertain factors of the energy. [1]
    """

    name: str
    roles: Sequence[Role]
    energy_usd: float | None = None
    energy_ranges: Sequence[Range] = ()
    years: Range | float | None = None
    start_years: Range | None = None
    published_year: float | None = None
    review_days: Range | None = None
    minimum_days: float = 0.0


def median_experiment_factor() -> float:
    """Return the median of all compute over that of the final run [1].

    Examples
    --------
    >>> round(median_experiment_factor(), 3)
    2.191
    """
    return float(np.exp(lognormal_parameters(*EXPERIMENT_FACTOR)[0]))


def with_staff(compute_usd: Number, staff_fraction: Number) -> Number:
    """Return the development cost of which R&D staff is a share [USD].

    Parameters
    ----------
    compute_usd : float or array
        All runs, with those that failed and the experiments. [USD]
    staff_fraction : float or array
        Share of staff in the whole, below 1. [1]

    Examples
    --------
    >>> with_staff(6e6, 0.4)
    10000000.0
    """
    share = np.asarray(fraction("staff_fraction", staff_fraction, is_zero_allowed=True))
    return unwrapped(compute_usd / positive("1 - staff_fraction", 1 - share))


def _decimal_year(day: date) -> float:
    """Return a date as the authors' notebook counts it; the month's offset cancels."""
    return day.year + day.month / 12 + day.day / DAYS_PER_YEAR


def _leads() -> Role:
    return Role(
        36,
        (0.3, 0.9),
        (lognormal_percentile(*SALARY_USD, 0.75), lognormal_percentile(*SALARY_USD, 0.99)),
        (lognormal_percentile(*EQUITY_USD, 0.75), lognormal_percentile(*EQUITY_USD, 0.99)),
    )


_EXECUTIVE = Role(2, (0.05, 0.2), (0.5e6, 1e6), (1e6, 10e6))


def published_projects(
    tpu_v4_kilowatts: float, usd_per_kwh_by_year: Mapping[int, float]
) -> dict[str, Project]:
    """Return the four projects of arXiv:2405.21015, section 3.3, by name.

    Parameters
    ----------
    tpu_v4_kilowatts : float
        Average site power of one TPU v4 chip. [kW]
    usd_per_kwh_by_year : mapping of int to float
        Price of industrial electricity in the United States. [USD / kWh]

    Examples
    --------
    >>> sorted(published_projects(0.275, {2020: 0.0667, 2022: 0.0832, 2023: 0.0806}))
    ['GPT-3 175B (davinci)', 'GPT-4', 'Gemini 1.0 Ultra', 'OPT-175B']
    """
    projects = (
        Project(
            "GPT-3 175B (davinci)",
            (Role(25),),
            # Patterson et al. 2021, arXiv:2104.10350, table 4
            energy_usd=1_287_000 * usd_per_kwh_by_year[2020],
            start_years=(_decimal_year(date(2019, 2, 14)), _decimal_year(date(2019, 11, 1))),
            published_year=_decimal_year(date(2020, 5, 28)),
            review_days=(60, 120),
            minimum_days=15,
        ),
        Project(
            "OPT-175B",
            (Role(19),),
            # the project's logbook
            energy_usd=33 * HOURS_PER_DAY * 992 * 0.3 * usd_per_kwh_by_year[2022],
            years=192 / DAYS_PER_YEAR,
        ),
        Project(
            "GPT-4",
            (Role(284),),  # unique names in OpenAI's list of contributions
            start_years=(_decimal_year(date(2022, 1, 1)), _decimal_year(date(2022, 5, 31))),
            published_year=_decimal_year(date(2023, 3, 15)),
            minimum_days=90,
        ),
        Project(
            "Gemini 1.0 Ultra",
            (
                _leads(),
                Role(418, (0.01, 0.8)),
                Role(483, (0.001, 0.05)),
                _EXECUTIVE,
                _EXECUTIVE,
            ),
            energy_usd=tpu_v4_kilowatts * 4096 * 31 * HOURS_PER_DAY * usd_per_kwh_by_year[2023],
            energy_ranges=((12, 19), (1, 6)),  # pods of 4096 chips; months
            years=(7 / 12, 20 / 12),
        ),
    )
    return {project.name: project for project in projects}


@dataclass(frozen=True)
class DevelopmentCost:
    """Draws of each component and of the total. [USD]."""

    components: Mapping[str, Draws]
    total: Draws = field(repr=False)

    def quantiles_usd(self, name: str = "total", level: float = 0.9) -> tuple[float, float, float]:
        """Return low end, median and high end of a component or of the total [USD]."""
        draws = self.total if name == "total" else self.components[name]
        low, high = interval(draws, level)
        return low, float(np.median(draws)), high

    def in_other_money(self, inflation_factor: float) -> DevelopmentCost:
        """Return the cost before inflation by a factor [USD]."""
        return DevelopmentCost(
            {name: draws / inflation_factor for name, draws in self.components.items()},
            self.total / inflation_factor,
        )

    def shares_of_medians(self) -> dict[str, float]:
        """Return each component's median over the sum of the medians [1]."""
        medians = {name: float(np.median(draws)) for name, draws in self.components.items()}
        total = sum(medians.values())
        return {name: median / total for name, median in medians.items()}


def _years(project: Project, generator: np.random.Generator, draws: int) -> Draws:
    if project.start_years is not None and project.published_year is not None:
        first, last = project.start_years

        def once(count: int) -> Draws:
            end = np.full(count, project.published_year, dtype=float)
            if project.review_days:
                shortest, longest = project.review_days
                end -= lognormal(generator, shortest, longest, count) / DAYS_PER_YEAR
            return end - lognormal(generator, first, last, count)

        years = once(draws)
        while (short := years * DAYS_PER_YEAR <= project.minimum_days).any():
            years[short] = once(int(short.sum()))
        return years
    if isinstance(project.years, tuple):
        return lognormal(generator, *project.years, draws)
    if project.years is None:
        raise ValueError(f"{project.name}: years or start_years must be given")
    return np.full(draws, project.years)


def staff_usd(
    project: Project,
    generator: np.random.Generator,
    draws: int,
    *,
    is_equity_counted: bool = True,
) -> Draws:
    """Return draws of what the people of a project cost, each person drawn on their own [USD]."""
    total = np.zeros(draws)
    for role in project.roles:
        shape = (draws, role.people)
        pay = lognormal(generator, *role.salary_usd, shape)
        pay *= lognormal(generator, *OVERHEAD_FACTOR, shape)
        if is_equity_counted:
            pay += lognormal(generator, *role.equity_usd, shape)
        pay *= lognormal(generator, *role.full_time_fraction, shape)
        total += pay.sum(axis=1)
    return total * _years(project, generator, draws)


def development_cost(
    project: Project,
    final_run_usd: Mapping[str, float],
    generator: np.random.Generator,
    draws: int = 10_000,
    *,
    inflation_factor: float = 1.0,
    is_equity_counted: bool = True,
    is_experiment_factor_shared: bool = True,
) -> DevelopmentCost:
    """Return the cost of the whole project by Monte Carlo.

    Parameters
    ----------
    project : Project
    final_run_usd : mapping
        ``chip_usd``, ``server_usd``, ``interconnect_usd`` and ``energy_usd`` of the final run, in
        the money of the result. [USD]
    generator : numpy.random.Generator
        Seeded by the caller.
    draws : int
        [1]
    inflation_factor : float
        From publication to the money of the result: applied to staff and to the energy that the
        project itself states. [1]
    is_equity_counted : bool
        Whether equity is part of pay.
    is_experiment_factor_shared : bool
        One experiment factor for all components of a draw, as it must be; the paper draws one for
        each, which makes the total too certain.

    Returns
    -------
    DevelopmentCost
        Components as in ``final_run_usd``, and ``staff_usd``.

    Examples
    --------
    >>> run = {"chip_usd": 18e6, "server_usd": 12e6, "interconnect_usd": 7e6, "energy_usd": 3.5e6}
    >>> projects = published_projects(0.275, {2020: 0.0667, 2022: 0.0832, 2023: 0.0806})
    >>> cost = development_cost(
    ...     projects["GPT-4"], run, np.random.default_rng(0), 2_000)
    >>> 1.2 < cost.quantiles_usd()[1] / 1e8 < 1.3
    True
    """
    positive("draws", draws)
    factor = lognormal(generator, *EXPERIMENT_FACTOR, draws)

    def experiments() -> Draws:
        if is_experiment_factor_shared:
            return factor
        return lognormal(generator, *EXPERIMENT_FACTOR, draws)

    components: dict[str, Draws] = {}
    for name in _COMPONENTS:
        components[name] = positive(name, final_run_usd[name]) * experiments()
    energy = final_run_usd["energy_usd"]
    if project.energy_usd is not None:
        energy = project.energy_usd * inflation_factor
    components["energy_usd"] = positive("energy_usd", energy) * experiments()
    for low, high in (*project.energy_ranges, ENERGY_PRICE_FACTOR):
        components["energy_usd"] = components["energy_usd"] * lognormal(generator, low, high, draws)
    components["staff_usd"] = staff_usd(
        project, generator, draws, is_equity_counted=is_equity_counted
    ) * positive("inflation_factor", inflation_factor)
    return DevelopmentCost(components, np.sum(list(components.values()), axis=0))

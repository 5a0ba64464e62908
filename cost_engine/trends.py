"""Growth of costs over time: regression on the logarithm, intervals, breakpoint, projection.

Takes years and amounts; which models belong to a selection is decided by the caller. scipy is
imported inside the function that needs it, because it would slow down every command.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cost_engine.units import Number, positive, unwrapped

Anchor = Literal["mean", "max"]


def decimal_year(day: date) -> float:
    """Return a date as Cottier et al. count it: ``year + (month-1)/12 + (day-1)/365``.

    Examples
    --------
    >>> round(decimal_year(date(2023, 3, 15)), 4)
    2023.205
    """
    return day.year + (day.month - 1) / 12 + (day.day - 1) / 365


def date_of_decimal_year(year: float) -> date:
    """Return the date nearest to a decimal year of ``decimal_year``.

    Examples
    --------
    >>> date_of_decimal_year(2026.85)
    datetime.date(2026, 11, 7)
    """
    whole = math.floor(year)
    month = min(int((year - whole) * 12), 11)
    start = date(whole, month + 1, 1)
    days = round((year - whole - month / 12) * 365)
    return date.fromordinal(start.toordinal() + days)


@dataclass(frozen=True)
class Trend:
    """Least-squares line of log10(cost) on the decimal year.

    Attributes
    ----------
    slope, intercept : float
        Of the line. [OOM / year, OOM]
    slope_error : float
        Standard error of the slope. [OOM / year]
    residual_deviation : float
        Standard deviation of the residuals, n - 2 degrees of freedom. [OOM]
    r_squared : float
        [1]
    count : int
        Models fitted.
    mean_year, year_variation : float
        Mean of the years and their sum of squared deviations. [year, year^2]
    anchor_year, anchor_usd : float
        The most expensive model: where the anchored projection starts. [year, USD]
    """

    slope: float
    intercept: float
    slope_error: float
    residual_deviation: float
    r_squared: float
    count: int
    mean_year: float
    year_variation: float
    anchor_year: float
    anchor_usd: float

    @property
    def growth_per_year(self) -> float:
        """Factor by which the cost grows in a year. [1]."""
        return float(10.0**self.slope)

    @property
    def years_to_double(self) -> float | None:
        """Years in which the cost doubles, None where it does not grow. [year]."""
        growth = self.growth_per_year
        return math.log(2) / math.log(growth) if growth > 1 else None

    def _t(self, level: float) -> float:
        from scipy.special import stdtrit

        if not 0 < level < 1:
            raise ValueError(f"level = {level!r}: must be a fraction in (0, 1)")
        return float(stdtrit(self.count - 2, 0.5 + level / 2))

    def growth_interval(self, level: float = 0.9) -> tuple[float, float]:
        """Return the confidence interval of the yearly growth factor [1]."""
        margin = self._t(level) * self.slope_error
        return float(10 ** (self.slope - margin)), float(10 ** (self.slope + margin))

    def cost_usd(self, year: Number) -> Number:
        """Return the cost on the line in a year [USD]."""
        return unwrapped(10.0 ** (self.intercept + self.slope * np.asarray(year, dtype=float)))

    def prediction_interval(self, year: Number, level: float = 0.9) -> tuple[Number, Number]:
        """Return the interval in which one further model falls with probability ``level`` [USD]."""
        years = np.asarray(year, dtype=float)
        middle = self.intercept + self.slope * years
        spread = 1 + 1 / self.count + (years - self.mean_year) ** 2 / self.year_variation
        margin = self._t(level) * self.residual_deviation * np.sqrt(spread)
        return unwrapped(10 ** (middle - margin)), unwrapped(10 ** (middle + margin))

    def year_reached(
        self, usd: float, anchor: Anchor = "mean", growth_per_year: float | None = None
    ) -> float:
        """Return the decimal year in which the cost reaches ``usd``.

        Parameters
        ----------
        usd : float
            Cost to reach. [USD]
        anchor : {"mean", "max"}
            Follow the line, or grow from the most expensive model.
        growth_per_year : float, optional
            Another growth factor for the anchored form, such as an end of ``growth_interval``. [1]

        Raises
        ------
        ValueError
            If the cost does not grow, or for an unknown anchor.
        """
        positive("usd", usd)
        slope = self.slope if growth_per_year is None else math.log10(growth_per_year)
        if slope <= 0:
            raise ValueError(f"growth_per_year = {10**slope:.3f}: must be above 1 to reach a cost")
        if anchor == "mean":
            return (math.log10(usd) - self.intercept) / self.slope
        if anchor != "max":
            raise ValueError(f"anchor = {anchor!r}: must be 'mean' or 'max'")
        return self.anchor_year + math.log10(usd / self.anchor_usd) / slope

    def date_reached(
        self, usd: float, anchor: Anchor = "mean", growth_per_year: float | None = None
    ) -> date | None:
        """Return the date on which the cost reaches ``usd``, None where it never does.

        Parameters
        ----------
        usd, anchor, growth_per_year
            As in ``year_reached``.

        Examples
        --------
        >>> fitted_trend([2020, 2021, 2022, 2023], [1e6, 2e6, 4e6, 8e6]).date_reached(64e6)
        datetime.date(2025, 12, 31)
        """
        is_growing = self.slope > 0 and (growth_per_year is None or growth_per_year > 1)
        if not is_growing:
            return None
        year = self.year_reached(usd, anchor, growth_per_year)
        return date_of_decimal_year(year) if date.min.year < year < date.max.year else None


def fitted_trend(years: Number, costs_usd: Number) -> Trend:
    """Fit log10(cost) on the decimal year by least squares.

    Parameters
    ----------
    years, costs_usd : array of shape (n,)
        At least three models. [year, USD]

    Returns
    -------
    Trend

    Raises
    ------
    ValueError
        For fewer than three models, all of one date, or a cost that is not positive.

    Examples
    --------
    >>> trend = fitted_trend([2020, 2021, 2022, 2023], [1e6, 2e6, 4e6, 8e6])
    >>> round(trend.growth_per_year, 6)
    2.0
    """
    x: NDArray[np.float64] = np.asarray(years, dtype=float)
    y: NDArray[np.float64] = np.log10(np.asarray(positive("costs_usd", costs_usd), dtype=float))
    if x.size < 3 or x.shape != y.shape:
        raise ValueError(f"years, costs_usd: {x.size} and {y.size} values; must be 3 or more pairs")
    mean_x, mean_y = x.mean(), y.mean()
    variation = float(((x - mean_x) ** 2).sum())
    if variation == 0:
        raise ValueError("years: all the same; must be at least two different dates")
    slope = float(((x - mean_x) * (y - mean_y)).sum()) / variation
    intercept = float(mean_y - slope * mean_x)
    residuals = y - (intercept + slope * x)
    squares = float((residuals**2).sum())
    total = float(((y - mean_y) ** 2).sum())
    deviation = math.sqrt(squares / (x.size - 2))
    top = int(np.argmax(y))
    return Trend(
        slope=slope,
        intercept=intercept,
        slope_error=deviation / math.sqrt(variation),
        residual_deviation=deviation,
        r_squared=1 - squares / total if total else 1.0,
        count=int(x.size),
        mean_year=float(mean_x),
        year_variation=variation,
        anchor_year=float(x[top]),
        anchor_usd=float(10 ** y[top]),
    )


@dataclass(frozen=True)
class Breakpoint:
    """The best kinked line, and whether it justifies its two further parameters."""

    year: float
    growth_before: float
    growth_after: float
    bic_kinked: float
    bic_straight: float

    @property
    def is_supported(self) -> bool:
        """Whether the kinked line has the lower Bayesian information criterion."""
        return self.bic_kinked < self.bic_straight


def fitted_breakpoint(years: Number, costs_usd: Number, minimum_models: int = 5) -> Breakpoint:
    """Fit a continuous line with one kink, at each model's date in turn, and keep the best.

    Parameters
    ----------
    years, costs_usd : array of shape (n,)
        [year, USD]
    minimum_models : int
        Models wanted on either side of the kink.

    Returns
    -------
    Breakpoint

    Raises
    ------
    ValueError
        For fewer than twice ``minimum_models``.

    Examples
    --------
    >>> years = np.arange(2010, 2024)
    >>> kink = fitted_breakpoint(years, 10.0 ** np.maximum(years - 2016, 0))
    >>> kink.year, round(kink.growth_after, 3), kink.is_supported
    (2016.0, 10.0, True)
    """
    x: NDArray[np.float64] = np.asarray(years, dtype=float)
    y: NDArray[np.float64] = np.log10(np.asarray(positive("costs_usd", costs_usd), dtype=float))
    if x.size < 2 * minimum_models:
        raise ValueError(f"years: {x.size} values; must be at least {2 * minimum_models}")

    def fit(columns: list[NDArray[np.float64]]) -> tuple[NDArray[np.float64], float]:
        design = np.column_stack([np.ones_like(x), *columns])
        coefficients, *_ = np.linalg.lstsq(design, y, rcond=None)
        squares = float(((y - design @ coefficients) ** 2).sum())
        return np.asarray(coefficients, dtype=np.float64), squares

    def bic(squares: float, parameters: int) -> float:
        floor = 1e-24  # a perfect fit would have no logarithm
        return float(
            x.size * math.log(max(squares, floor) / x.size) + parameters * math.log(x.size)
        )

    centre = float(x.mean())
    _, straight = fit([x - centre])
    best: tuple[float, float, NDArray[np.float64]] | None = None
    for kink in np.unique(np.sort(x)[minimum_models - 1 : x.size - minimum_models + 1]):
        coefficients, squares = fit([x - centre, np.maximum(x - kink, 0.0)])
        if best is None or squares < best[0]:
            best = (squares, float(kink), coefficients)
    if best is None:
        raise ValueError("years: no date has enough models on both sides")
    squares, kink_year, coefficients = best
    return Breakpoint(
        year=kink_year,
        growth_before=float(10 ** coefficients[1]),
        growth_after=float(10 ** (coefficients[1] + coefficients[2])),
        bic_kinked=bic(squares, 4),
        bic_straight=bic(straight, 2),
    )

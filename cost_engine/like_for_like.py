"""A price index of offers compared with themselves: matched, chained, self-correcting Jevons.

Pure arithmetic on items (one offer of one provider, always the same) and months. What makes two
offers the same item, and which month a price belongs to, is decided by the caller;
docs/methodology/like_for_like.md has the rules and an example.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby, pairwise
from math import exp, log, sqrt

import numpy as np
from scipy.special import stdtrit

LONGEST_MONTHS = 12
"""An item away for longer is compared with nothing. [month]"""

WINDOW_MONTHS = 25
"""Months that the time-product dummy looks back. [month]"""

BRACKET_MONTHS = 6
"""Longest silence between two equal prices in which the price is taken to have stood. [month]"""

SAME_PRICE = 1e-4
"""Two prices are equal within this. [ln]"""

LARGEST_FACTOR = 1.5
"""A provider's move beyond this is doubted until a second source shows it. [1]"""

NOISE_DEGREES = 4.0
"""Weight of the family's noise against what the providers show. [degrees of freedom]"""

INTERVAL_LEVEL = 0.8
"""Level of every interval here. [1]"""


@dataclass(frozen=True)
class ItemPrice:
    """What one offer asked in one month."""

    provider_id: str
    item: str  # unique over all providers
    month: int  # months since any fixed one
    usd_per_gpu_hour: float  # above zero [USD / (GPU h)]
    is_heard: bool = True  # False: not heard, but asked the same before and after
    source_id: str = ""  # who printed it


@dataclass(frozen=True)
class Vote:
    """How one provider's items moved over a link."""

    log_change: float  # mean over its items, of what the index had not moved already [ln]
    item_count: int
    longest_gap_months: int  # oldest price that an item was compared with [month]
    source_count: int = 1  # sources that printed the items

    @property
    def is_unconfirmed(self) -> bool:
        """Whether it is a jump of ``LARGEST_FACTOR`` or more that one source alone shows."""
        return abs(self.log_change) >= log(LARGEST_FACTOR) and self.source_count < 2


@dataclass(frozen=True)
class Level:
    """The index of one month within its segment."""

    month: int
    segment_start: int  # first month of its segment; levels of different segments do not compare
    log_level: float  # 0 at the start of the segment [ln]
    gap_months: int = 0  # since the month before in the segment; 0 at its start [month]
    votes: Mapping[str, Vote] = field(default_factory=dict)  # by provider; empty at the start

    @property
    def index(self) -> float:
        """The index, 100 at the start of the segment [1]."""
        return 100.0 * exp(self.log_level)

    @property
    def log_change(self) -> float | None:
        """Mean of the votes, None at the start of a segment [ln]."""
        return _mean([vote.log_change for vote in self.votes.values()]) if self.votes else None

    @property
    def item_count(self) -> int:
        """Items compared [1]."""
        return sum(vote.item_count for vote in self.votes.values())

    def contributions(self) -> dict[str, float]:
        """Return what each provider added to ``log_change``; they sum to it [ln]."""
        return {name: vote.log_change / len(self.votes) for name, vote in self.votes.items()}


@dataclass(frozen=True)
class Interval:
    """The 80 % interval of the change since the start of a segment."""

    half_width_log: float  # [ln]
    degrees: float  # degrees of freedom


def with_bracketed(prices: Iterable[ItemPrice]) -> list[ItemPrice]:
    """Return the prices, and those of months in between two equal ones that were not heard.

    For lists of prices only: the units of a marketplace change, whatever the median does.

    Examples
    --------
    >>> heard = [ItemPrice("a", "x", 1, 2.0), ItemPrice("a", "x", 4, 2.0)]
    >>> [(price.month, price.is_heard) for price in with_bracketed(heard)]
    [(1, True), (2, False), (3, False), (4, True)]
    """
    found: list[ItemPrice] = []
    ordered = sorted(prices, key=lambda one: (one.item, one.month))
    for before, after in pairwise([*ordered, None]):
        if before is None:
            continue
        found.append(before)
        if after is None or after.item != before.item:
            continue
        move = abs(log(after.usd_per_gpu_hour / before.usd_per_gpu_hour))
        if move <= SAME_PRICE and after.month - before.month - 1 <= BRACKET_MONTHS:
            found += [
                replace(before, month=month, is_heard=False)
                for month in range(before.month + 1, after.month)
            ]
    return found


def index_levels(
    prices: Iterable[ItemPrice], provider_minimum: int = 3, published: Iterable[Level] = ()
) -> list[Level]:
    """Return the index of every month in which enough providers can be compared.

    Parameters
    ----------
    prices : iterable of ItemPrice
        At most one for an item and month.
    provider_minimum : int
        Fewest providers on a link. [1]
    published : iterable of Level
        Levels that stand: later ones continue them. Prices of their last ``LONGEST_MONTHS`` are
        still needed.

    Returns
    -------
    list of Level
        By month. A month that does not link to the ones before begins a segment if the next one
        links to it; else it has no level.

    Raises
    ------
    ValueError
        If a price is not above zero, or an item has two prices in a month.

    Notes
    -----
    With I the log index and s the month in which item k was last used,
    ``d(k) = ln p(k, t) - ln p(k, s) - (I(t-1) - I(s))``; a provider votes with the mean of its d,
    and the index moves by the mean of the votes. An item that was away is thereby compared with
    its last price moved along with the index (ILO/IMF, Consumer Price Index Manual, 2020,
    chapters 6 and 8).

    Examples
    --------
    One of two providers halves one of its two prices: the index falls by a quarter of ln 2.

    >>> months = {("a", "x"): (4.0, 2.0), ("a", "y"): (9.0, 9.0), ("b", "z"): (3.0, 3.0)}
    >>> rows = [(who, m, usd) for who, asked in months.items() for m, usd in enumerate(asked)]
    >>> prices = [ItemPrice(*who, month, usd) for who, month, usd in rows]
    >>> [round(level.index, 6) for level in index_levels(prices, provider_minimum=2)]
    [100.0, 84.089642]
    """
    months = _by_month(prices)
    levels = sorted(published, key=lambda level: level.month)
    segment = _Segment.continued(levels, months)
    waiting: int | None = None  # a month that may become the start of a segment
    for month, items in months.items():
        if levels and month <= levels[-1].month:
            continue
        heard = {price.provider_id for price in items.values() if price.is_heard}
        sellers = {price.provider_id for price in items.values()}
        if len(sellers) < provider_minimum:
            continue
        link = segment.link(month, items) if segment else {}
        if not _is_enough(link, heard, provider_minimum) and waiting is not None:
            candidate = _Segment(waiting, months[waiting])
            link = candidate.link(month, items)
            if _is_enough(link, heard, provider_minimum):
                segment = candidate
                levels.append(candidate.level({}))
        if segment is not None and _is_enough(link, heard, provider_minimum):
            segment.add(month, items, link)
            levels.append(segment.level(link))
            waiting = None
        elif 2 * len(sellers & heard) >= len(sellers):
            waiting = month
    return levels


class _Segment:
    """A run of months that compare: the level of each, and what was last used of each item."""

    def __init__(self, month: int, items: Mapping[str, ItemPrice]) -> None:
        self._months = [month]
        self._levels = {month: 0.0}
        self._last = dict(items)

    @classmethod
    def continued(
        cls, levels: Sequence[Level], prices: Mapping[int, Mapping[str, ItemPrice]]
    ) -> _Segment | None:
        """Return the newest segment of levels that stand; None without any."""
        if not levels:
            return None
        start = levels[-1].segment_start
        segment = cls(start, prices.get(start, {}))
        for level in levels:
            if level.segment_start != start or level.month == start:
                continue
            segment._months.append(level.month)
            segment._levels[level.month] = level.log_level
            segment._last.update(prices.get(level.month, {}))
        return segment

    def link(self, month: int, items: Mapping[str, ItemPrice]) -> dict[str, Vote]:
        """Return the vote of every provider of which an item can be compared."""
        now = self._levels[self._months[-1]]
        changes: dict[str, list[tuple[float, int, str]]] = {}
        for name, price in items.items():
            last = self._last.get(name)
            if last is None or month - last.month > LONGEST_MONTHS:
                continue
            change = log(price.usd_per_gpu_hour / last.usd_per_gpu_hour)
            change -= now - self._levels[last.month]
            moved = (change, month - last.month, price.source_id)
            changes.setdefault(price.provider_id, []).append(moved)
        return {
            provider: Vote(
                log_change=_mean([change for change, _, _ in moves]),
                item_count=len(moves),
                longest_gap_months=max(gap for _, gap, _ in moves),
                source_count=len({source for _, _, source in moves}),
            )
            for provider, moves in sorted(changes.items())
        }

    def add(self, month: int, items: Mapping[str, ItemPrice], link: Mapping[str, Vote]) -> None:
        """Move the index by a link, and remember what was used."""
        change = _mean([vote.log_change for vote in link.values()])
        self._levels[month] = self._levels[self._months[-1]] + change
        self._months.append(month)
        self._last.update(items)

    def level(self, link: Mapping[str, Vote]) -> Level:
        """Return the level of the newest month."""
        month = self._months[-1]
        gap = month - self._months[-2] if len(self._months) > 1 else 0
        return Level(month, self._months[0], self._levels[month], gap, dict(link))


def _by_month(prices: Iterable[ItemPrice]) -> dict[int, dict[str, ItemPrice]]:
    months: dict[int, dict[str, ItemPrice]] = {}
    for price in sorted(prices, key=lambda one: (one.month, one.provider_id, one.item)):
        if not price.usd_per_gpu_hour > 0:
            raise ValueError(f"usd_per_gpu_hour = {price.usd_per_gpu_hour}: must be above 0")
        items = months.setdefault(price.month, {})
        if price.item in items:
            raise ValueError(f"item {price.item!r} has two prices in month {price.month}")
        items[price.item] = price
    return months


def _is_enough(link: Mapping[str, Vote], heard: Collection[str], provider_minimum: int) -> bool:
    """Return whether enough providers compare, and at least half of them were heard."""
    count = len(link)
    return count >= provider_minimum and 2 * len(link.keys() & set(heard)) >= count


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def interval(levels: Sequence[Level], noise_variance_per_month: float) -> Interval | None:
    """Return the 80 % interval of the change from the first level of a segment to the last.

    Parameters
    ----------
    levels : sequence of Level
        The levels of one segment, from its start.
    noise_variance_per_month : float
        Mean squared log change of one provider's level a month, in this market family. [ln^2]

    Returns
    -------
    Interval or None
        None at the start of a segment.

    Notes
    -----
    Providers are the blocks of a linearised bootstrap; the family's noise is mixed in with the
    weight of ``NOISE_DEGREES``, so that few providers who stood still are not certain.

    Examples
    --------
    >>> prices = [ItemPrice(p, p, m, 4.0) for p in "abc" for m in (1, 2)]
    >>> width = interval(index_levels(prices), 0.003)
    >>> round(width.half_width_log, 6), width.degrees
    (0.037174, 6.0)
    """
    links = [level for level in levels if level.votes]
    if not links:
        return None
    deviations: dict[str, float] = {}
    for level in links:
        middle = level.log_change or 0.0
        for provider, vote in level.votes.items():
            own = (vote.log_change - middle) / len(level.votes)
            deviations[provider] = deviations.get(provider, 0.0) + own
    count = len(deviations)
    between = sum(value * value for value in deviations.values())
    between *= count / (count - 1) if count > 1 else 0.0
    noise = sum(noise_variance_per_month * one.gap_months / len(one.votes) for one in links)
    harmonic = len(links) / sum(1 / len(level.votes) for level in links)
    degrees = NOISE_DEGREES + harmonic - 1
    variance = (NOISE_DEGREES * noise + (harmonic - 1) * between) / degrees
    quantile = float(stdtrit(degrees, (1 + INTERVAL_LEVEL) / 2))
    return Interval(quantile * sqrt(variance), degrees)


def time_product_dummy(prices: Iterable[ItemPrice]) -> dict[int, float]:
    """Return log levels of months by two-stage least squares: within providers, then over them.

    It watches the chained index for drift and is not an index itself: where sellers differ, one
    that enters moves it (de Haan, Hendriks and Scholz, Review of Income and Wealth 67(2), 2021).

    Parameters
    ----------
    prices : iterable of ItemPrice
        Usually of the last ``WINDOW_MONTHS``.

    Returns
    -------
    dict
        Log level by month, 0 in the first. [ln]

    Examples
    --------
    >>> fall = [ItemPrice("a", "x", 1, 4.0), ItemPrice("a", "x", 2, 2.0)]
    >>> still = [ItemPrice("b", "z", 1, 3.0), ItemPrice("b", "z", 2, 3.0)]
    >>> round(100 * exp(time_product_dummy(fall + still)[2]), 4)
    70.7107
    """
    rows = sorted(prices, key=lambda one: (one.provider_id, one.item, one.month))
    provider_levels: list[tuple[str, int, float]] = []
    for provider, own in groupby(rows, key=lambda one: one.provider_id):
        for number, part in enumerate(_connected(list(own))):
            levels = _dummies([(row.item, row.month, log(row.usd_per_gpu_hour)) for row in part])
            unit = f"{provider} {number}"
            provider_levels += [(unit, month, level) for month, level in levels.items()]
    return _dummies(provider_levels)


def _connected(rows: Sequence[ItemPrice]) -> list[list[ItemPrice]]:
    """Split the prices of a provider into parts without a common month: they do not compare."""
    parts: list[list[ItemPrice]] = []
    for _, item in groupby(rows, key=lambda one: one.item):
        merged = list(item)
        months = {row.month for row in merged}
        apart = []
        for part in parts:
            if months.isdisjoint(row.month for row in part):
                apart.append(part)
            else:
                merged = part + merged
        parts = [*apart, merged]
    return parts


def _dummies(rows: Sequence[tuple[str, int, float]]) -> dict[int, float]:
    """Return the month effects of ``value = unit effect + month effect``, 0 in the first month."""
    units = {unit: row for row, unit in enumerate(sorted({unit for unit, _, _ in rows}))}
    months = {month: column for column, month in enumerate(sorted({m for _, m, _ in rows}))}
    is_there = np.zeros((len(units), len(months)))
    values = np.zeros_like(is_there)
    for unit, month, value in rows:
        is_there[units[unit], months[month]] = 1.0
        values[units[unit], months[month]] = value
    counts = is_there.sum(axis=1)
    # The normal equations of the months, the unit effects eliminated.
    left = np.diag(is_there.sum(axis=0)) - (is_there / counts[:, None]).T @ is_there
    right = values.sum(axis=0) - is_there.T @ (values.sum(axis=1) / counts)
    effects = np.zeros(len(months))
    effects[1:] = np.linalg.lstsq(left[1:, 1:], right[1:], rcond=None)[0]
    return {month: float(effects[column]) for month, column in months.items()}

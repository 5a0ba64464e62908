"""Which models count and what is filled in for them: compute ranks, missing hardware.

Here belong the rules that need all runs at once, after Cottier et al. (arXiv:2405.21015). The
rules on one run are in ``rules``.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date

import numpy as np
from numpy.typing import NDArray

from cost_engine.training.published.rules import Run
from cost_engine.trends import decimal_year


def frontier_ranks(
    published_on: Sequence[date | None], flops: Sequence[float | None]
) -> list[int | None]:
    """Return each model's compute rank among those published up to its date.

    Parameters
    ----------
    published_on, flops : sequence
        The pool: notable models that are not fine-tunes. [FLOP]

    Returns
    -------
    list of int or None
        1 + the number of models with more compute, dated no later. None where an input is missing.

    Examples
    --------
    >>> frontier_ranks([date(2020, 1, 1), date(2021, 1, 1)], [1e23, 1e22])
    [1, 2]
    """
    order = sorted(
        (day, index)
        for index, (day, size) in enumerate(zip(published_on, flops, strict=True))
        if day is not None and size is not None
    )
    ranks: list[int | None] = [None] * len(flops)
    seen: list[float] = []
    position = 0
    while position < len(order):
        day = order[position][0]
        same_day = [index for other, index in order[position:] if other == day]
        for index in same_day:
            size = flops[index]
            seen.insert(bisect_right(seen, size or 0.0), size or 0.0)
        for index in same_day:
            ranks[index] = 1 + len(seen) - bisect_right(seen, flops[index] or 0.0)
        position += len(same_day)
    return ranks


def most_common_hardware(runs: Iterable[Run]) -> dict[int, str]:
    """Return the GPU that most models of each year were trained on (ties: first by name).

    Examples
    --------
    >>> most_common_hardware([
    ...     Run("a", date(2023, 1, 1), hardware="NVIDIA A100,NVIDIA V100"),
    ...     Run("b", date(2023, 5, 1), hardware="NVIDIA V100"),
    ...     Run("c", date(2023, 5, 1), hardware="Google TPU v4")])
    {2023: 'NVIDIA V100'}
    """
    counts: dict[int, Counter[str]] = defaultdict(Counter)
    for run in runs:
        if run.published_on is None:
            continue
        for name in run.hardware.split(","):
            if name.strip() and "TPU" not in name:
                counts[run.published_on.year][name.strip()] += 1
    return {
        year: min(counter, key=lambda name: (-counter[name], name))
        for year, counter in sorted(counts.items())
    }


def with_imputed_hardware(runs: Sequence[Run], common: Mapping[int, str]) -> list[Run]:
    """Return the runs; those without hardware get the most common GPU of their year, and a flag.

    Examples
    --------
    >>> with_imputed_hardware([Run("a", date(2023, 1, 1))], {2023: "NVIDIA A100"})[0].hardware
    'NVIDIA A100'
    """
    return [
        replace(run, hardware=common[run.published_on.year], is_hardware_imputed=True)
        if not run.hardware and run.published_on and run.published_on.year in common
        else run
        for run in runs
    ]


def trend_points(
    runs: Sequence[Run],
    costs_usd: NDArray[np.float64],
    top: int,
    *,
    is_imputed_counted: bool = True,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return years of publication and costs of the models among the ``top`` of their time.

    Parameters
    ----------
    runs : sequence of Run
    costs_usd : array of shape (len(runs),)
        NaN where there is no cost. [USD]
    top : int
        Largest compute rank that counts. [1]
    is_imputed_counted : bool
        Whether runs on imputed hardware count.

    Returns
    -------
    tuple of array
        Decimal years and costs. [year, USD]

    Examples
    --------
    >>> run = Run("a", date(2024, 1, 1), rank=1)
    >>> years, costs = trend_points([run, Run("b", date(2024, 1, 1))], np.array([5.0, 9.0]), 10)
    >>> costs.tolist()
    [5.0]
    """
    years, costs = [], []
    for run, cost in zip(runs, costs_usd, strict=True):
        is_chosen = run.rank is not None and run.rank <= top
        if run.is_hardware_imputed and not is_imputed_counted:
            continue
        if is_chosen and run.published_on and not np.isnan(cost):
            years.append(decimal_year(run.published_on))
            costs.append(cost)
    return np.array(years), np.array(costs)

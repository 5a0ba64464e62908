"""Which serving points no other point beats, and which are cheapest, within groups of rows.

Pure arithmetic on arrays. What makes a group is the caller's choice.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cost_engine.serving.inputs import Floats
from cost_engine.units import Number


def is_efficient(cost: Number, pace: Number) -> Number:
    """Return the points that no other point beats in both cost and pace: the Pareto frontier.

    Parameters
    ----------
    cost : array
        Smaller is better, one dimension. [any]
    pace : array
        Larger is better, same length. [any]

    Returns
    -------
    array of bool

    Examples
    --------
    >>> is_efficient(np.array([1.0, 2.0, 3.0]), np.array([10.0, 30.0, 20.0])).tolist()
    [True, True, False]
    """
    price, speed = np.asarray(cost, dtype=float), np.asarray(pace, dtype=float)
    order = np.lexsort((-speed, price))
    best = np.maximum.accumulate(np.concatenate([[-np.inf], speed[order][:-1]]))
    result = np.zeros(len(price), dtype=bool)
    result[order] = speed[order] > best
    return result


def efficient_rows(
    group: NDArray[np.int64], tokens_per_second_per_gpu: Floats, tokens_per_second_per_user: Floats
) -> NDArray[np.bool_]:
    """Return the rows on the frontier of cost and pace of their group.

    On one kind of GPU the cost falls with throughput, so no price is needed.

    Parameters
    ----------
    group : array of int
        Code of the group of each row.
    tokens_per_second_per_gpu, tokens_per_second_per_user : array
        [token / (s GPU)], [token / s]

    Returns
    -------
    array of bool

    Examples
    --------
    >>> efficient_rows(np.array([0, 0, 1]), np.array([9.0, 8.0, 1.0]), np.array([5.0, 4.0, 1.0]))
    array([ True, False,  True])
    """
    order = np.lexsort((-tokens_per_second_per_user, -tokens_per_second_per_gpu, group))
    starts = np.flatnonzero(np.diff(group[order], prepend=-1))
    result = np.zeros(len(group), dtype=bool)
    for start, end in zip(starts, [*starts[1:], len(order)], strict=True):
        rows = order[start:end]
        result[rows] = is_efficient(
            -tokens_per_second_per_gpu[rows], tokens_per_second_per_user[rows]
        )
    return result


def fastest_rows(group: NDArray[np.int64], tokens_per_second_per_gpu: Floats) -> NDArray[np.bool_]:
    """Return the row of each group with the highest throughput, the first of equals.

    Examples
    --------
    >>> fastest_rows(np.array([0, 0, 1]), np.array([8.0, 9.0, 1.0]))
    array([False,  True,  True])
    """
    order = np.lexsort((-tokens_per_second_per_gpu, group))
    result = np.zeros(len(group), dtype=bool)
    result[order[np.flatnonzero(np.diff(group[order], prepend=-1))]] = True
    return result

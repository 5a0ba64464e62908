"""The frontier of cost and pace, against the definition."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cost_engine.serving.frontier import efficient_rows, fastest_rows

POINTS = st.lists(
    st.tuples(st.integers(0, 2), st.integers(1, 5), st.integers(1, 5)), min_size=1, max_size=30
)


@given(POINTS)
def test_no_other_row_of_the_group_is_better_in_both(points: list[tuple[int, int, int]]) -> None:
    group, throughput, pace = np.array(points, dtype=float).T
    is_efficient = efficient_rows(group.astype(np.int64), throughput, pace)
    for place in np.flatnonzero(is_efficient):
        same = group == group[place]
        as_good = (throughput >= throughput[place]) & (pace >= pace[place])
        better = (throughput > throughput[place]) | (pace > pace[place])
        assert not (same & as_good & better).any()
    for key in np.unique(group):
        assert is_efficient[group == key].any()


@given(POINTS)
def test_each_group_has_one_fastest_row(points: list[tuple[int, int, int]]) -> None:
    group, throughput, _ = np.array(points, dtype=float).T
    is_fastest = fastest_rows(group.astype(np.int64), throughput)
    for key in np.unique(group):
        of_group = group == key
        assert is_fastest[of_group].sum() == 1
        assert throughput[of_group & is_fastest] == throughput[of_group].max()

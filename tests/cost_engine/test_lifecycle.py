"""Serving never costs less than one replica, and a total is as uncertain as its parts allow."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cost_engine.lifecycle import Part, serving_usd_per_month, total


@given(st.floats(1e-6, 10), st.floats(0, 1e7), st.floats(0.1, 1000))
def test_a_month_costs_a_replica_or_its_requests_whichever_is_more(request_usd, day, replica):
    got = serving_usd_per_month(request_usd, day, replica)
    assert got >= replica * 730 and got >= request_usd * day * 30.4
    assert serving_usd_per_month(request_usd, 2 * day, replica) <= 2 * got


def test_independent_parts_are_relatively_surer_together():
    one = Part(100.0, 50.0, 200.0)
    whole = total([one] * 4, np.random.default_rng(1), 20_000)
    assert whole.usd == 400
    assert whole.high / whole.low < one.high / one.low


def test_one_part_alone_keeps_its_interval():
    part = Part(100.0, 80.0, 300.0)
    whole = total([part], np.random.default_rng(1), 50_000)
    assert (whole.low, whole.high) == (
        pytest.approx(part.low, rel=0.03),
        pytest.approx(part.high, rel=0.03),
    )

"""Random arrivals: the closed loop's speeds, queues of textbooks, nothing beyond capacity."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cost_engine.serving.example import H100_FP8, LLAMA_8B, THOUSAND_IN_AND_OUT
from cost_engine.serving.fixed_point import bisected_batch
from cost_engine.serving.inputs import ServingConstants
from cost_engine.serving.loop import closed_loop
from cost_engine.serving.open_loop import OpenPoint, erlang_c, open_loop

IDEAL = ServingConstants({})


def at(rate: float, most: float = 256.0) -> OpenPoint:
    return open_loop(IDEAL, LLAMA_8B, H100_FP8, THOUSAND_IN_AND_OUT, rate, most)


@pytest.mark.parametrize("users", [1.0, 16.0, 200.0])
def test_at_the_rate_of_a_closed_loop_as_many_run_at_its_pace(users: float) -> None:
    closed = closed_loop(IDEAL, LLAMA_8B, H100_FP8, THOUSAND_IN_AND_OUT, users)
    point = at(float(closed.requests_per_second))
    assert point.running_sequences == pytest.approx(users, rel=1e-4)
    assert point.time_per_output_token_seconds == pytest.approx(
        closed.time_per_output_token_seconds, rel=1e-4
    )


def test_a_replica_that_cannot_keep_up_has_no_finite_wait() -> None:
    most = float(
        closed_loop(IDEAL, LLAMA_8B, H100_FP8, THOUSAND_IN_AND_OUT, 64.0).requests_per_second
    )
    assert math.isfinite(at(most * 0.99, 64.0).time_to_first_token_seconds)
    beyond = at(most * 1.01, 64.0)
    assert beyond.utilisation_fraction > 1
    assert beyond.time_to_first_token_seconds == math.inf
    assert beyond.time_to_first_token_high_seconds == math.inf


@given(st.floats(0.1, 16.0), st.floats(1.01, 1.1))
def test_more_arrivals_never_shorten_a_wait(rate: float, factor: float) -> None:
    few, many = at(rate), at(rate * factor)
    for name in (
        "utilisation_fraction",
        "running_sequences",
        "time_per_output_token_seconds",
        "time_to_first_token_seconds",
        "time_to_first_token_high_seconds",
    ):
        assert getattr(many, name) >= getattr(few, name) * (1 - 1e-4)


def test_a_fuller_batch_makes_the_wait_for_a_place_the_longest_part() -> None:
    most = float(
        closed_loop(IDEAL, LLAMA_8B, H100_FP8, THOUSAND_IN_AND_OUT, 8.0).requests_per_second
    )
    waits = [float(at(most * use, 8.0).time_to_first_token_seconds) for use in (0.5, 0.9, 0.99)]
    assert waits[1] > 2 * waits[0] and waits[2] > 5 * waits[1]


def test_arrays_are_the_same_as_one_by_one() -> None:
    rates = np.array([1.0, 5.0, 12.0])
    together = open_loop(IDEAL, LLAMA_8B, H100_FP8, THOUSAND_IN_AND_OUT, rates, 256.0)
    alone = [at(rate).time_to_first_token_seconds for rate in rates]
    assert together.time_to_first_token_seconds == pytest.approx(alone, rel=1e-9)


@pytest.mark.parametrize(
    ("servers", "offered", "chance"), [(1, 0.6, 0.6), (2, 1.0, 1 / 3), (10, 8.0, 0.4092)]
)
def test_erlang_c_is_that_of_tables(servers: int, offered: float, chance: float) -> None:
    found = erlang_c(np.array([float(servers)]), np.array([offered]))
    assert found[0] == pytest.approx(chance, abs=1e-4)


def test_erlang_c_of_many_servers_is_finite() -> None:
    found = erlang_c(np.array([5000.0, 5000.0]), np.array([1e-3, 4999.0]))
    assert found[0] == 0 and 0.9 < found[1] < 1


def test_a_batch_is_bisected_to_its_bound_where_it_stays_too_small() -> None:
    found = bisected_batch(lambda batch: np.full(batch.shape, True), np.array([40.0]))
    assert found[0] == pytest.approx(40.0, rel=1e-5)

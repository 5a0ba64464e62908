"""Properties of the serving equations, on the ideal machine and with round constants."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cost_engine.serving import cost
from cost_engine.serving.example import H100_FP8, THOUSAND_IN_AND_OUT
from cost_engine.serving.inputs import Labels, ModelShape, ServingConstants
from cost_engine.serving.loop import LIMITS, closed_loop, concurrency_at_pace
from cost_engine.serving.replicas import usable_prefill_fraction
from cost_engine.serving.room import sequence_limit
from cost_engine.serving.weights import touched_fraction

DENSE = ModelShape(
    parameters=70.6e9,
    active_parameters=70.6e9,
    layers=80,
    hidden_size=8192,
    attention_heads=64,
    kv_heads=8,
    head_dimension=128,
    full_attention_layers=80,
)
SPARSE = ModelShape(
    parameters=671e9,
    active_parameters=37e9,
    layers=61,
    hidden_size=7168,
    attention_heads=128,
    kv_heads=1,
    head_dimension=128,
    full_attention_layers=61,
    routed_expert_parameters=653.9e9,
    experts=256,
    experts_per_token=8,
    latent_dimension=576,
)
H200 = replace(H100_FP8, memory_bytes=150.7e9, bandwidth_bytes_per_second=4.8e12)
LOAD = replace(
    THOUSAND_IN_AND_OUT,
    engine=Labels.of("typical"),
    engine_path=Labels.of("typical"),
    gpu_count=8.0,
)
IDEAL = ServingConstants({})
REAL = ServingConstants(
    {
        "memory_efficiency": 0.8,
        "compute_efficiency_8_bit": 0.6,
        "layer_overhead_seconds": 50e-6,
        "hop_seconds": 10e-6,
        "link_efficiency": 0.6,
        "sequence_overhead_seconds": 4e-6,
        "overlap_exponent": 1.6,
    }
)


def test_one_user_on_the_ideal_machine_waits_for_the_weights_and_little_else() -> None:
    point = closed_loop(IDEAL, DENSE, H200, LOAD, 1)
    reading = 70.6e9 / (8 * 4.8e12)
    assert point.time_per_output_token_seconds == pytest.approx(reading, rel=0.15)
    assert point.time_per_output_token_seconds > reading


def test_little_s_law_holds() -> None:
    users = np.array([1.0, 8.0, 64.0, 256.0])
    point = closed_loop(REAL, DENSE, H200, LOAD, users)
    assert point.requests_per_second * point.cycle_seconds == pytest.approx(users)


def test_users_beyond_memory_wait_and_add_nothing() -> None:
    load = replace(LOAD, gpu_count=1.0)
    limit = sequence_limit(REAL, DENSE, H200, load)
    full = closed_loop(REAL, DENSE, H200, load, limit)
    more = closed_loop(REAL, DENSE, H200, load, limit * 2)
    assert more.requests_per_second == pytest.approx(full.requests_per_second)
    waiting = more.time_to_first_token_seconds - full.time_to_first_token_seconds
    assert waiting == pytest.approx(limit / full.requests_per_second, rel=1e-6)
    assert LIMITS[more.limit] == "memory"


def test_what_does_not_fit_serves_nothing() -> None:
    point = closed_loop(REAL, SPARSE, H200, replace(LOAD, gpu_count=2.0), 4)
    assert point.requests_per_second == 0
    assert np.isinf(point.time_per_output_token_seconds)


def test_cache_that_is_replicated_holds_fewer_sequences_than_cache_that_is_divided() -> None:
    joint = sequence_limit(REAL, SPARSE, H200, LOAD)
    divided = sequence_limit(REAL, SPARSE, H200, replace(LOAD, is_cache_divided=True))
    # Each GPU gives up memory for its copy of everything but the experts.
    copies = 7 * (SPARSE.parameters - SPARSE.routed_expert_parameters)
    beside = 8 * H200.memory_bytes - SPARSE.parameters
    assert divided == pytest.approx(8 * joint * (beside - copies) / beside, rel=0.02)


def test_a_few_tokens_touch_few_experts() -> None:
    touched = touched_fraction(256, 8, np.array([1, 64, 4096]))
    assert touched[0] == pytest.approx(8 / 256)
    assert touched[2] == pytest.approx(1.0)
    assert touched_fraction(1, 1, 5) == 1.0


def test_speculation_gains_less_in_a_full_batch() -> None:
    slow = {"draft_acceptance": 0.65, "decode_attention_efficiency": 0.1}
    constants = ServingConstants(REAL.values | slow)
    gains = []
    for users in (4.0, 512.0):
        plain = closed_loop(constants, SPARSE, H200, LOAD, users)
        drafted = closed_loop(constants, SPARSE, H200, replace(LOAD, is_speculative=True), users)
        gains.append(plain.time_per_output_token_seconds / drafted.time_per_output_token_seconds)
    assert gains[0] > gains[1]
    assert gains[0] > 1.2


def test_pace_is_kept_and_used_up() -> None:
    users = concurrency_at_pace(REAL, DENSE, H200, LOAD, 1 / 50, 4096)
    point = closed_loop(REAL, DENSE, H200, LOAD, users)
    assert 1 / point.time_per_output_token_seconds == pytest.approx(50, rel=1e-3)
    assert concurrency_at_pace(REAL, DENSE, H200, LOAD, 1e-6, 4096) == 0
    unhurried = concurrency_at_pace(REAL, DENSE, H200, LOAD, np.inf, 64)
    assert unhurried == pytest.approx(64)


@given(st.floats(1, 500), st.floats(1.1, 4))
def test_more_bandwidth_or_compute_is_never_slower(users: float, times: float) -> None:
    base = closed_loop(REAL, DENSE, H200, LOAD, users)
    for name in ("bandwidth_bytes_per_second", "flops_per_second", "memory_bytes"):
        better = replace(H200, **{name: getattr(H200, name) * times})
        point = closed_loop(REAL, DENSE, better, LOAD, users)
        assert point.requests_per_second >= base.requests_per_second * (1 - 1e-12)


def test_scalar_equals_array() -> None:
    users = np.array([1.0, 32.0, 700.0])
    together = closed_loop(REAL, DENSE, H200, LOAD, users)
    for index, one in enumerate(users):
        alone = closed_loop(REAL, DENSE, H200, LOAD, float(one))
        assert together.tokens_per_second_per_gpu[index] == alone.tokens_per_second_per_gpu
        assert together.limit[index] == alone.limit


def test_input_and_output_prices_add_up_to_the_request() -> None:
    point = closed_loop(REAL, DENSE, H200, LOAD, 64.0)
    share = usable_prefill_fraction(point.prefill_seconds, point.cycle_seconds)
    into, out = cost.usd_per_1k_tokens_split(2.0, 8, point.requests_per_second, share, 1000, 1000)
    request = 2.0 * 8 / 3600 / point.requests_per_second
    assert into + out == pytest.approx(request)
    total = cost.serving_usd_per_1k_tokens(2.0, point.tokens_per_second_per_gpu)
    assert cost.blended_usd(into, out, 0.5) == pytest.approx(total)

"""Separate pools for prefill and decoding."""

from dataclasses import replace

import numpy as np
import pytest

from cost_engine.serving.example import H100_FP8, LLAMA_8B, THOUSAND_IN_AND_OUT
from cost_engine.serving.inputs import ServingConstants
from cost_engine.serving.pools import (
    PooledPoint,
    Pools,
    pooled_loop,
)
from cost_engine.serving.roofline import decode_step

POOLS = Pools(prefill_gpus=1.0, prefill_workers=1.0, decode_workers=1.0)


def loop_of(users: float, **changes: float) -> PooledPoint:
    load = replace(THOUSAND_IN_AND_OUT, input_tokens=changes.pop("input_tokens", 1000.0))
    pools = replace(POOLS, **changes)
    return pooled_loop(ServingConstants({}), LLAMA_8B, H100_FP8, load, pools, users)


def test_a_user_alone_waits_for_one_prefill_and_decodes_alone() -> None:
    point = loop_of(1.0)
    step = decode_step(ServingConstants({}), LLAMA_8B, H100_FP8, THOUSAND_IN_AND_OUT, 1.0)
    assert point.time_per_output_token_seconds == pytest.approx(float(step.total), rel=0.03)
    assert point.time_to_first_token_seconds < 2 * (step.prefill_per_request + step.total) + 1e-3


def test_users_are_in_one_pool_or_the_other() -> None:
    point = loop_of(64.0)
    waiting = 64.0 - point.running_sequences
    decoding = point.requests_per_second * 1000 * point.time_per_output_token_seconds
    assert decoding == pytest.approx(point.running_sequences, rel=1e-5)
    assert waiting >= point.prefill_utilisation_fraction * (1 - 1e-6)


def test_long_prompts_make_the_prefill_bind_and_more_workers_help() -> None:
    one = loop_of(256.0, input_tokens=20_000.0, decode_workers=8.0)
    two = loop_of(256.0, input_tokens=20_000.0, decode_workers=8.0, prefill_workers=2.0)
    assert one.prefill_utilisation_fraction > 0.99
    assert 1.7 < two.requests_per_second / one.requests_per_second <= 2.0 + 1e-6


def test_a_model_that_does_not_fit_serves_nothing() -> None:
    large = replace(LLAMA_8B, parameters=200e9)
    point = pooled_loop(
        ServingConstants({}), large, H100_FP8, THOUSAND_IN_AND_OUT, POOLS, np.array([8.0])
    )
    assert point.requests_per_second[0] == 0
    assert np.isinf(point.time_per_output_token_seconds[0])

"""Separate pools on sets of GPUs: sizes that are balanced, keep the pace and stay within bounds."""

from dataclasses import replace

import numpy as np
import pytest

from cost_engine.serving.calibration import Calibration
from cost_engine.serving.deployments import Deployments, planned, pooled, single_user_pace
from cost_engine.serving.inputs import Floats, ServingConstants
from cost_engine.serving.loop import LIMITS
from cost_engine.serving.pools import MOST_PREFILL_UTILISATION, pooled_loop
from cost_engine.serving.replicas import GpuSets, Request, Served
from tests.cost_engine.serving.test_replicas import sets_of

REQUEST = Request(4000.0, 1000.0)
ROUGH = Calibration(
    constants=ServingConstants({"compute_efficiency_8_bit": 0.5, "layer_overhead_seconds": 3e-5}),
    error_log_sd={
        "pair": 0.1, "gpu": 0.2, "model": 0.3,
        "pooled_pair": 0.4, "pooled_gpu": 0.5, "pooled_model": 0.6,
    },
    measured_range={
        "gpu_count": (1, 8), "input_tokens": (1, 1e4), "output_tokens": (1, 1e4),
        "parameters": (1e9, 1e12),
    },
)  # fmt: skip
PACES = (0.0, 20.0, 60.0)


def most_of(sets: GpuSets, gpus: float) -> Floats:
    return np.full(len(sets), gpus)


def plan(sets: GpuSets, pace: float, gpus: float = 24.0) -> tuple[Deployments, Served]:
    found = planned(sets, REQUEST, pace, ROUGH, most_of(sets, gpus))
    return found, pooled(found, REQUEST, ROUGH)


@pytest.mark.parametrize("pace", PACES)
@pytest.mark.parametrize("experts", [1.0, 64.0])
def test_planned_pools_keep_the_pace_and_stay_within_the_gpus(pace: float, experts: float) -> None:
    found, point = plan(sets_of(70e9, experts), pace)
    assert len(found)
    assert (found.gpu_count <= 24).all()
    assert (point.tokens_per_second_per_user >= pace * (1 - 1e-6)).all()
    assert (point.concurrency >= 1).all()
    assert (found.pools.prefill_workers >= 1).all() and (found.pools.decode_workers >= 1).all()


@pytest.mark.parametrize("pace", PACES)
def test_no_other_numbers_of_the_same_workers_serve_more_per_gpu(pace: float) -> None:
    found, point = plan(sets_of(70e9), pace)
    rng = np.random.default_rng(3)
    for _ in range(20):
        pools = replace(
            found.pools,
            prefill_workers=rng.integers(1, 9, len(found)).astype(float),
            decode_workers=rng.integers(1, 9, len(found)).astype(float),
        )
        other = replace(found, pools=pools)
        is_allowed = other.gpu_count <= 24
        rate = pooled(other, REQUEST, ROUGH).tokens_per_second_per_gpu
        assert (rate <= point.tokens_per_second_per_gpu * (1 + 1e-4))[is_allowed].all()


def test_workers_that_do_prefill_are_never_too_busy() -> None:
    found, point = plan(sets_of(70e9), 20.0)
    sets, load = found.decode, found.decode.load(REQUEST)
    again = pooled_loop(
        ROUGH.constants, sets.shape, sets.chip, load, found.pools, point.concurrency
    )
    busy = np.asarray(again.prefill_utilisation_fraction)
    assert (busy <= MOST_PREFILL_UTILISATION * (1 + 1e-6)).all() and busy.max() > 0.5


def test_long_prompts_move_gpus_to_prefill() -> None:
    sets = sets_of(70e9)
    shares = []
    for prompt in (500.0, 16_000.0):
        found = planned(sets, Request(prompt, 1000.0), 20.0, ROUGH, most_of(sets, 64.0))
        shares.append(np.mean(found.pools.prefill_pool_gpus / found.gpu_count))
    assert shares[0] < shares[1]


def test_a_full_memory_is_said_to_bind() -> None:
    _, point = plan(sets_of(8e9), 0.0)
    assert LIMITS.index("memory") in point.limit


def test_an_impossible_pace_or_model_has_no_pools() -> None:
    sets = sets_of(70e9)
    fastest = float(np.max(single_user_pace(sets, REQUEST, ROUGH)))
    assert len(planned(sets, REQUEST, fastest * 1.01, ROUGH, most_of(sets, 64.0))) == 0
    assert len(planned(sets, REQUEST, fastest * 0.99, ROUGH, most_of(sets, 64.0)))
    assert len(planned(sets_of(9e12), REQUEST, 0.0, ROUGH, most_of(sets, 64.0))) == 0


def test_pools_have_an_error_of_their_own() -> None:
    found, _ = plan(sets_of(70e9), 20.0)
    spread, is_beyond = found.error_log_sd(REQUEST, ROUGH)
    is_wide = found.decode.gpu_count > 8
    assert spread[~is_wide] == pytest.approx(np.hypot(0.5, 0.6))
    assert is_beyond.tolist() == is_wide.tolist()

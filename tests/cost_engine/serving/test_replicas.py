"""Sets of GPUs at a pace: room, the better layout of the cache, and the smallest set."""

import numpy as np
import pytest

from cost_engine.serving.calibration import Calibration
from cost_engine.serving.example import H100_FP8, LLAMA_8B
from cost_engine.serving.inputs import Chip, Labels, ModelShape, ServingConstants
from cost_engine.serving.replicas import (
    GpuSets,
    Request,
    sequence_limits,
    served,
    single_user_pace,
    smallest_sets,
    with_room,
)

REQUEST = Request(1000.0, 1000.0)
IDEAL = Calibration(
    constants=ServingConstants({}),
    error_log_sd={"pair": 0.1, "gpu": 0.2, "model": 0.3},
    measured_range={},
)


def sets_of(parameters: float, experts: float = 1.0) -> GpuSets:
    """Return one model on 1, 2, 4, 8 and 16 GPUs."""
    counts = np.array([1.0, 2.0, 4.0, 8.0, 16.0])
    same = Labels(("one",), np.zeros(len(counts), dtype=np.intp))

    def column(value: float) -> np.ndarray:
        return np.full(len(counts), value)

    routed = parameters * 0.9 if experts > 1 else 0.0
    shape = ModelShape(
        **{
            **{name: column(value) for name, value in vars(LLAMA_8B).items()},
            "parameters": column(parameters),
            "active_parameters": column(parameters if experts == 1 else parameters / 8),
            "routed_expert_parameters": column(routed),
            "experts": column(experts),
            "experts_per_token": column(2.0 if experts > 1 else 1.0),
        }
    )
    names = ("architecture", "path")
    figures = {name: value for name, value in vars(H100_FP8).items() if name not in names}
    chip = Chip(
        architecture=same,
        path=same,
        **{name: np.full(len(counts), value) for name, value in figures.items()},
    )
    return GpuSets(
        model=same,
        gpu=same,
        precision=same,
        gpu_count=counts,
        shape=shape,
        chip=chip,
        facility_watts=column(1000.0),
    )


def test_two_machines_are_kept_only_where_one_is_too_small() -> None:
    assert with_room(sets_of(70e9), REQUEST, IDEAL, 16).gpu_count.tolist() == [1, 2, 4, 8]
    assert with_room(sets_of(1000e9), REQUEST, IDEAL, 16).gpu_count.tolist() == [16]
    assert len(with_room(sets_of(5000e9), REQUEST, IDEAL, 16)) == 0


def test_the_smallest_set_is_the_first_that_holds_enough_sequences() -> None:
    sets = sets_of(70e9)
    limits = sequence_limits(sets, REQUEST, IDEAL)
    assert sets.gpu_count[smallest_sets(sets, limits, 1)].tolist() == [1]
    assert sets.gpu_count[smallest_sets(sets, limits, limits[1])].tolist() == [2]
    assert smallest_sets(sets, limits, limits.max() + 1).size == 0


def test_every_user_gets_the_pace_or_nobody_is_served() -> None:
    sets = sets_of(70e9)
    for pace in (20.0, 100.0, 1000.0):
        point = served(sets, REQUEST, pace, IDEAL)
        serves = point.concurrency >= 1
        assert (point.tokens_per_second_per_user[serves] >= pace * (1 - 1e-6)).all()
        assert (point.tokens_per_second_per_gpu[~serves] == 0).all()
        assert serves.tolist() == (single_user_pace(sets, REQUEST, IDEAL) >= pace).tolist()


def test_a_slower_pace_never_serves_fewer_requests() -> None:
    sets = sets_of(70e9)
    rates = [served(sets, REQUEST, pace, IDEAL).requests_per_second for pace in (0.0, 20.0, 60.0)]
    assert (rates[0] >= rates[1] * (1 - 1e-6)).all()
    assert (rates[1] >= rates[2] * (1 - 1e-6)).all()


def test_experts_may_divide_the_cache_among_all_gpus() -> None:
    dense, sparse = sets_of(70e9), sets_of(70e9, experts=16.0)
    assert not dense.can_divide_cache.any()
    assert sparse.can_divide_cache.tolist() == [False, True, True, True, True]
    ratio = sequence_limits(sparse, REQUEST, IDEAL) / sequence_limits(dense, REQUEST, IDEAL)
    # Eight KV heads divide among eight GPUs anyway; sixteen GPUs hold twice as many, less what the
    # copies of everything but the experts take.
    assert ratio[:4] == pytest.approx([1, 1, 1, 1])
    assert 1.7 < ratio[4] < 2

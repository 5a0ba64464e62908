"""Own measurements against the prediction: the more rows, the more they count."""

import numpy as np
import pytest

from cost_engine.serving.inputs import Labels
from cost_engine.serving.posterior import posterior


def joint_factor(rows: int, log_speed: float) -> float:
    one = Labels.of(["a"] * rows)
    found = posterior(np.full(rows, log_speed), one, one)
    return float(found.gpu_factors["a"] * found.pair_factors["a"])


def test_more_rows_move_the_factor_closer_to_what_they_say() -> None:
    factors = [joint_factor(rows, np.log(1.5)) for rows in (1, 3, 30)]
    assert 1 < factors[0] < factors[1] < factors[2] < 1.5
    assert factors[2] == pytest.approx(1.5, rel=0.01)


def test_a_gpu_learns_from_all_its_models() -> None:
    gpu = Labels.of(["l4"] * 4)
    pair = Labels.of(["a", "b", "c", "d"])
    found = posterior(np.full(4, np.log(1.3)), gpu, pair)
    assert found.gpu_factors["l4"] > 1.1
    assert all(1 < factor < found.gpu_factors["l4"] for factor in found.pair_factors.values())


def test_a_row_left_out_is_what_a_fit_without_it_says() -> None:
    logs = np.array([0.3, 0.1, -0.2, 0.25])
    gpu, pair = Labels.of(["a", "a", "b", "b"]), Labels.of(["x", "y", "y", "y"])
    whole = posterior(logs, gpu, pair)
    keep = np.array([0, 1, 3])
    part = posterior(logs[keep], gpu.taken(keep), pair.taken(keep))
    expected = part.gpu_factors["b"] * part.pair_factors["y"]
    assert whole.factors_without_row[2] == pytest.approx(expected)

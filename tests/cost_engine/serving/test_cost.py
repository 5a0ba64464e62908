"""Costs of tokens against published dollars."""

import pytest

from cost_engine.serving import cost


@pytest.mark.parametrize(
    ("tokens_per_second_per_gpu", "usd_per_gpu_hour", "printed"),
    [(446.7, 1.95, 1.213), (947.4, 1.95, 0.572), (3879.3, 1.95, 0.140), (358.8, 1.48, 1.15)],
)
def test_published_dollars_follow_from_published_throughput(
    tokens_per_second_per_gpu: float, usd_per_gpu_hour: float, printed: float
) -> None:
    ours = cost.usd_per_million_tokens(usd_per_gpu_hour, 1, tokens_per_second_per_gpu)
    assert ours == pytest.approx(printed, abs=0.006)


def test_provisioning_for_the_peak_doubles_the_cost_at_half_use() -> None:
    full = cost.serving_usd_per_1k_tokens(2.0, 1000.0)
    assert cost.serving_usd_per_1k_tokens(2.0, 1000.0, 0.5) == 2 * full

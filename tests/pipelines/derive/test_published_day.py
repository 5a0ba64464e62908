"""DeepSeek's published day of serving V3 and R1, which the fit has not seen.

"Day 6 of open-source week: one more thing", 2025-03-01
(https://github.com/deepseek-ai/open-infra-index): 608e9 tokens in, 56.3 % of them from the cache,
168e9 out, on 226.75 nodes of eight H800 on average, $87,072 a day at $2 a GPU-hour; a node did
73.7k tokens a second in prefill, cached ones included, and 14.8k in decoding; experts were spread
over 32 GPUs for prefill and 144 for decoding, at 20 to 22 tokens a second for a user.
"""

import numpy as np
import pytest

from cost_engine.serving.calibration import speed_factor
from cost_engine.serving.cost import cached_input_usd, margin_fraction, markup_fraction
from cost_engine.serving.inputs import Labels, Load
from cost_engine.serving.pools import PooledPoint, Pools, pooled_loop
from pipelines.derive import serving_reference as reference
from pipelines.derive.serving_names import known_gpus, known_models
from warehouse.reference import bundled

TOKENS_IN, TOKENS_OUT, CACHED = 608e9, 168e9, 0.563
PREFILL_GPUS, DECODE_GPUS = 32.0, 144.0
NODE_GPUS, USD_PER_GPU_HOUR, SECONDS_PER_HOUR = 8, 2.0, 3600
PROMPT = 4383.0
"""Tokens of a prompt, from the context and 1,210 tokens of an answer. [token]"""
ANSWER = PROMPT * TOKENS_OUT / TOKENS_IN


def day_of(
    prefill_workers: float, decode_workers: float, users: float
) -> tuple[PooledPoint, float]:
    documents = bundled()
    constants = reference.fitted(documents).constants
    model = known_models(documents)["deepseek-v3"]
    gpu = known_gpus(documents)["H800-SXM-80GB"]
    row = reference.chip_row(documents, gpu, "fp8")
    row["link_bandwidth_bytes_per_second"] = reference.replica_link(
        gpu, row["link_bandwidth_bytes_per_second"], DECODE_GPUS
    )
    chip = reference.stacked_chips([row])
    typical = Labels.of(["typical"])
    load = Load(
        input_tokens=np.array([PROMPT * (1 - CACHED)]),
        output_tokens=np.array([ANSWER]),
        bytes_per_kv_value=np.array([1.0]),
        engine=typical,
        engine_path=typical,
        gpu_count=np.array([DECODE_GPUS]),
        is_cache_divided=np.array([True]),
    )
    shape = reference.stacked_shapes([reference.shape_row(model)])
    pools = Pools(PREFILL_GPUS, prefill_workers, decode_workers, is_prefill_divided=True)
    point = pooled_loop(constants, shape, chip, load, pools, np.array([users]))
    factor = speed_factor(constants, Labels.of([model.model_id]), chip.path)
    return point, float(factor[0])


def test_the_day_costs_what_was_published() -> None:
    prefill_workers, decode_workers = 11.0, 3.0
    point, factor = day_of(prefill_workers, decode_workers, decode_workers * DECODE_GPUS * 110)
    rate = float(np.asarray(point.requests_per_second)[0]) * factor
    gpus = prefill_workers * PREFILL_GPUS + decode_workers * DECODE_GPUS
    gpu_hours = TOKENS_IN / PROMPT / rate / SECONDS_PER_HOUR * gpus
    assert 0.7 < gpu_hours * USD_PER_GPU_HOUR / 87_072 < 1.6


def test_a_node_decodes_as_fast_as_was_published() -> None:
    point, factor = day_of(24.0, 3.0, 3 * DECODE_GPUS * 100)
    rate = float(np.asarray(point.requests_per_second)[0]) * factor
    per_node = rate * ANSWER / (3 * DECODE_GPUS) * NODE_GPUS
    assert 0.65 < per_node / 14_800 < 1.35


def test_the_published_margin_follows_from_the_list_prices_and_the_cache() -> None:
    hit, miss, answer = 0.14, 0.55, 2.19  # USD a million tokens, as published
    share = 342 / 608
    revenue = TOKENS_IN / 1e6 * cached_input_usd(miss, hit, share) + TOKENS_OUT / 1e6 * answer
    cost = 226.75 * NODE_GPUS * 24 * USD_PER_GPU_HOUR
    assert revenue == pytest.approx(562_027, rel=0.001)
    assert cost == pytest.approx(87_072)
    assert margin_fraction(cost, revenue) == pytest.approx(0.845, abs=0.001)
    assert markup_fraction(cost, revenue) == pytest.approx(5.45, abs=0.01)

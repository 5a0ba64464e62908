"""Bytes of the weights against checkpoints that were published."""

from dataclasses import replace

import numpy as np
import pytest

from cost_engine.serving.example import H100_FP8, LLAMA_8B, THOUSAND_IN_AND_OUT
from cost_engine.serving.inputs import ServingConstants
from cost_engine.serving.weights import stored_weights, weight_pass
from pipelines.derive.serving_names import known_gpus, known_models
from pipelines.derive.serving_reference import chip_row, shape_row, stacked_chips, stacked_shapes
from warehouse.reference import bundled

FOUR_BIT = replace(H100_FP8, bytes_per_weight=0.53, weight_bits=4)


@pytest.mark.parametrize(
    ("model_id", "precision", "published_bytes", "tolerance"),
    [
        # metadata.total_size of model.safetensors.index.json, in bytes.
        ("llama-3.1-8b", "bf16", 16_060_522_496, 1e-4),
        ("llama-3.1-70b", "bf16", 141_107_412_992, 1e-4),
        ("qwen3-8b", "bf16", 16_381_470_720, 1e-4),
        ("qwen3-14b", "bf16", 29_536_614_400, 1e-3),
        ("qwen3-32b", "bf16", 65_524_246_528, 1e-3),
        ("qwen3-30b-a3b", "bf16", 61_064_245_248, 1e-3),
        ("mixtral-8x7b", "bf16", 93_405_585_408, 1e-3),
        ("gpt-oss-120b", "fp4", 65_248_815_744, 0.001),
        # All linear layers in FP8, embeddings and head in BF16.
        ("llama-3.1-8b", "fp8", 9_081_280_648, 1e-3),
        ("gpt-oss-20b", "fp4", 13.76e9, 0.01),
        # In groups of 64 to 128; as loaded before the engine takes its own.
        ("llama-3.1-70b", "int4", 40.5e9, 0.01),
        # AWQ in groups of 128, 5.7 GB.
        ("llama-3.1-8b", "int4", 5.7e9, 0.02),
        # "594 GB", the card of moonshotai/Kimi-K2-Thinking.
        ("kimi-k2-thinking", "int4", 594e9, 0.01),
    ],
)
def test_a_published_checkpoint_has_this_size(
    model_id: str, precision: str, published_bytes: float, tolerance: float
) -> None:
    shape = stacked_shapes([shape_row(known_models(bundled())[model_id])])
    gpu = known_gpus(bundled())["B200-180GB"]
    chip = stacked_chips([chip_row(bundled(), gpu, precision)])
    assert float(stored_weights(shape, chip).total_bytes[0]) == pytest.approx(
        published_bytes, rel=tolerance
    )


def test_deepseek_v3_has_this_size_with_its_module_that_predicts_a_second_token() -> None:
    # 688,586,727,753 bytes for 685e9 parameters, 14e9 of which are the module, embeddings and head
    # in 16 bits included (card of deepseek-ai/DeepSeek-V3).
    model = known_models(bundled())["deepseek-v3"]
    shape = stacked_shapes([shape_row(model)])
    chip = stacked_chips([chip_row(bundled(), known_gpus(bundled())["B200-180GB"], "fp8")])
    module = 14e9 + 2 * float(np.asarray(shape.vocabulary_parameters).item())
    stored = float(stored_weights(shape, chip).total_bytes[0])
    assert stored + module == pytest.approx(688_586_727_753, rel=0.001)


def test_the_vocabulary_stays_in_16_bits_and_a_tied_one_is_stored_once() -> None:
    apart = replace(LLAMA_8B, vocabulary_parameters=0.5e9)
    tied = replace(apart, ties_embeddings=True)
    assert float(stored_weights(apart, FOUR_BIT).total_bytes) == pytest.approx(7e9 * 0.53 + 2e9)
    assert float(stored_weights(tied, FOUR_BIT).total_bytes) == pytest.approx(7.5e9 * 0.53 + 1e9)
    assert float(stored_weights(tied, FOUR_BIT).embedding_bytes) == 0


def test_in_4_bits_a_mixture_keeps_all_but_its_experts_in_16() -> None:
    sparse = replace(LLAMA_8B, routed_expert_parameters=7e9, experts=32, experts_per_token=4.0)
    stored = stored_weights(sparse, FOUR_BIT)
    assert float(stored.expert_bytes) == pytest.approx(7e9 * 0.53)
    assert float(stored.shared_bytes) == pytest.approx(2e9)
    assert float(stored_weights(sparse, H100_FP8).total_bytes) == pytest.approx(8e9)


def test_a_step_reads_the_output_head_and_not_the_input_embedding() -> None:
    apart = replace(LLAMA_8B, vocabulary_parameters=0.5e9)
    ideal = ServingConstants({})
    passes = [
        float(weight_pass(ideal, model, H100_FP8, THOUSAND_IN_AND_OUT, 1.0).read_seconds)
        for model in (apart, replace(apart, ties_embeddings=True))
    ]
    assert passes[0] * 3.35e12 == pytest.approx(7e9 + 1e9)
    assert passes[1] * 3.35e12 == pytest.approx(7.5e9 + 1e9)

"""Sizes that are counted from a ``config.json`` are those that the makers publish."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipelines.derive.serving_names import known_models, model_spelled
from warehouse.reference import ReferenceError, bundled
from warehouse.reference.model_config import model_from_config
from warehouse.reference.models import Model

LLAMA = {
    **{"model_type": "llama", "hidden_size": 4096, "num_hidden_layers": 32},
    **{"num_attention_heads": 32, "num_key_value_heads": 8, "intermediate_size": 14336},
    **{"vocab_size": 128256, "tie_word_embeddings": False, "max_position_embeddings": 131072},
}
MIXTRAL = LLAMA | {"vocab_size": 32000, "num_local_experts": 8, "num_experts_per_tok": 2}
DEEPSEEK = {
    **{"hidden_size": 7168, "num_hidden_layers": 61, "num_attention_heads": 128},
    **{"intermediate_size": 18432, "moe_intermediate_size": 2048, "vocab_size": 129280},
    **{"n_routed_experts": 256, "num_experts_per_tok": 8, "n_shared_experts": 1},
    **{"first_k_dense_replace": 3, "kv_lora_rank": 512, "q_lora_rank": 1536},
    **{"qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128},
}
QWEN_30B = {
    **{"hidden_size": 2048, "num_hidden_layers": 48, "num_attention_heads": 32, "head_dim": 128},
    **{"num_key_value_heads": 4, "intermediate_size": 6144, "moe_intermediate_size": 768},
    **{"vocab_size": 151936, "num_experts": 128, "num_experts_per_tok": 8},
    **{"decoder_sparse_step": 1, "mlp_only_layers": [], "sliding_window": None},
}
GPT_OSS = {
    **{"hidden_size": 2880, "num_hidden_layers": 36, "num_attention_heads": 64, "head_dim": 64},
    **{"num_key_value_heads": 8, "intermediate_size": 2880, "vocab_size": 201088},
    **{"num_local_experts": 128, "num_experts_per_tok": 4, "sliding_window": 128},
    "layer_types": ["sliding_attention", "full_attention"] * 18,
}
GEMMA_2_9B = {
    **{"model_type": "gemma2", "hidden_size": 3584, "num_hidden_layers": 42},
    **{"num_attention_heads": 16, "num_key_value_heads": 8, "head_dim": 256},
    **{"intermediate_size": 14336, "vocab_size": 256000, "sliding_window": 4096},
}
Read = Callable[[dict[str, Any]], Model]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def model(config: dict[str, Any]) -> Model:
        path = tmp_path / "config.json"
        path.write_text(json.dumps(config), encoding="utf-8")
        return model_from_config(path)

    return model


@pytest.mark.parametrize(
    ("config", "model_id"),
    [
        (LLAMA, "llama-3.1-8b"),
        (MIXTRAL, "mixtral-8x7b"),
        (DEEPSEEK, "deepseek-v3"),
        (QWEN_30B, "qwen3-30b-a3b"),
        (GPT_OSS, "gpt-oss-120b"),
        (GEMMA_2_9B, "gemma-2-9b"),
    ],
)
def test_the_size_and_the_shape_are_those_of_the_reference_model(
    read: Read, config: dict[str, Any], model_id: str
) -> None:
    got, known = read(config).values, known_models(bundled())[model_id].values
    assert got["parameters"] == pytest.approx(known["parameters"], rel=1e-3)
    assert got["active_parameters"] == pytest.approx(known["active_parameters"], rel=0.08)
    for name in ("layers", "hidden_size", "attention_heads", "kv_lora_rank", "experts"):
        assert got.get(name) == known.get(name), name
    if "routed_expert_parameters" in known:
        assert got["routed_expert_parameters"] == known["routed_expert_parameters"]


def test_windows_and_linear_layers_are_told_from_full_attention(read: Read) -> None:
    windowed = read(GPT_OSS).values
    assert (windowed["full_attention_layers"], windowed["sliding_window_layers"]) == (18, 18)
    hybrid = read(
        LLAMA | {"full_attention_interval": 4, "linear_num_key_heads": 16,
                 "linear_key_head_dim": 128, "linear_num_value_heads": 32}
    ).values  # fmt: skip
    assert (hybrid["full_attention_layers"], hybrid["linear_attention_layers"]) == (8, 24)
    off = read(LLAMA | {"sliding_window": 4096, "use_sliding_window": False}).values
    assert off["full_attention_layers"] == 32 and "sliding_window_tokens" not in off


NEMOTRON_H_8B = {
    **{"model_type": "nemotron_h", "hidden_size": 4096, "num_hidden_layers": 52},
    "hybrid_override_pattern": "M-M-M-M*-" + "M-M-M-M-M*-" * 3 + "M-M-M-M-M-",
    **{"intermediate_size": 21504, "num_attention_heads": 32, "num_key_value_heads": 8},
    **{"attention_head_dim": 128, "vocab_size": 131072, "mamba_num_heads": 128},
    **{"mamba_head_dim": 64, "ssm_state_size": 128, "n_groups": 8, "tie_word_embeddings": False},
}
JAMBA = {
    **{"model_type": "jamba", "hidden_size": 4096, "num_hidden_layers": 32, "vocab_size": 65536},
    **{"num_attention_heads": 32, "num_key_value_heads": 8, "intermediate_size": 14336},
    **{"num_experts": 16, "num_experts_per_tok": 2, "expert_layer_period": 2},
    **{"expert_layer_offset": 1, "attn_layer_period": 8, "attn_layer_offset": 4},
    **{"mamba_d_state": 16, "mamba_d_conv": 4, "mamba_expand": 2, "mamba_dt_rank": 256},
}
MINIMAX_M1 = {
    **{"attn_type_list": [*[0] * 7, 1] * 10, "hidden_size": 6144, "num_hidden_layers": 80},
    **{"num_attention_heads": 64, "num_key_value_heads": 8, "head_dim": 128},
    **{"intermediate_size": 9216, "num_local_experts": 32, "num_experts_per_tok": 2},
    "vocab_size": 200064,
}
KIMI_LINEAR = {
    **{"hidden_size": 2304, "intermediate_size": 9216, "num_hidden_layers": 27, "head_dim": 72},
    **{"num_attention_heads": 32, "num_key_value_heads": 32, "kv_lora_rank": 512},
    **{"qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128, "q_lora_rank": None},
    "linear_attn_config": {
        "full_attn_layers": [4, 8, 12, 16, 20, 24, 27], "head_dim": 128, "num_heads": 32,
    },
    **{"num_experts": 256, "num_experts_per_token": 8, "num_shared_experts": 1},
    **{"moe_intermediate_size": 1024, "first_k_dense_replace": 1, "vocab_size": 163840},
}  # fmt: skip
QWEN3_NEXT = {
    **{"hidden_size": 2048, "num_hidden_layers": 48, "num_attention_heads": 16, "head_dim": 256},
    **{"num_key_value_heads": 2, "intermediate_size": 5120, "moe_intermediate_size": 512},
    **{"shared_expert_intermediate_size": 512, "num_experts": 512, "num_experts_per_tok": 10},
    **{"full_attention_interval": 4, "linear_key_head_dim": 128, "linear_num_key_heads": 16},
    **{"linear_num_value_heads": 32, "linear_value_head_dim": 128, "vocab_size": 151936},
}
GEMMA_3_12B = {
    "model_type": "gemma3",
    "text_config": {
        **{"model_type": "gemma3_text", "hidden_size": 3840, "intermediate_size": 15360},
        **{"num_attention_heads": 16, "num_hidden_layers": 48, "num_key_value_heads": 8},
        **{"sliding_window": 1024, "head_dim": 256, "vocab_size": 262208},
    },
}


@pytest.mark.parametrize(
    ("config", "billions", "active", "kinds"),
    [
        (NEMOTRON_H_8B, 8.1, 8.1, (4, 0, 24)),
        (JAMBA, 52, 12, (4, 0, 28)),
        (MINIMAX_M1, 456, 45.9, (10, 0, 70)),
        (KIMI_LINEAR, 48, 3, (7, 0, 20)),
        (QWEN3_NEXT, 80, 3.5, (12, 0, 36)),
        (GEMMA_3_12B, 11.8, 11.8, (8, 40, 0)),
    ],
    ids=["nemotron-h-8b", "jamba", "minimax-m1", "kimi-linear", "qwen3-next", "gemma-3-12b"],
)
def test_mixes_of_layers_have_the_size_that_their_makers_state(
    read: Read,
    config: dict[str, Any],
    billions: float,
    active: float,
    kinds: tuple[int, int, int],
) -> None:
    values = read(config).values
    assert values["parameters"] == pytest.approx(billions * 1e9, rel=0.03)
    assert values["active_parameters"] == pytest.approx(active * 1e9, rel=0.05)
    names = ("full_attention_layers", "sliding_window_layers", "linear_attention_layers")
    assert tuple(values[name] for name in names) == kinds


def test_a_pattern_that_does_not_cover_the_layers_is_refused(read: Read) -> None:
    with pytest.raises(ReferenceError, match="one a layer, of mamba, attention, mlp, moe"):
        read(NEMOTRON_H_8B | {"num_hidden_layers": 50})


def test_a_file_of_another_name_names_the_model(tmp_path: Path) -> None:
    path = tmp_path / "our-8b.json"
    path.write_text(json.dumps(LLAMA))
    assert model_from_config(path).model_id == "our-8b"


def test_the_text_part_of_a_multimodal_model_is_read(read: Read) -> None:
    assert read({"model_type": "x", "text_config": LLAMA}).values == read(LLAMA).values


@pytest.mark.parametrize("missing", ["hidden_size", "num_hidden_layers", "vocab_size"])
def test_a_missing_figure_is_named_with_its_use(read: Read, missing: str) -> None:
    config = {name: value for name, value in LLAMA.items() if name != missing}
    with pytest.raises(ReferenceError, match=f"no {missing} \\(.*for"):
        read(config)


@pytest.mark.parametrize(
    ("config", "says"),
    [
        (MIXTRAL | {"num_experts_per_tok": None}, "no num_experts_per_tok"),
        (LLAMA | {"hidden_size": "wide"}, "hidden_size holds 'wide'"),
        (LLAMA | {"num_hidden_layers": 1.5}, "allowed: a whole number"),
    ],
)
def test_a_wrong_figure_is_refused(read: Read, config: dict[str, Any], says: str) -> None:
    with pytest.raises(ReferenceError, match=says):
        read(config)


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100_000])
def test_what_is_no_configuration_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ReferenceError, match=r"give a config\.json"):
        model_from_config(path)
    with pytest.raises(ReferenceError, match="No such file"):
        model_from_config(tmp_path / "none.json")


@pytest.mark.parametrize(
    ("printed", "model_id"),
    [
        ("meta-llama/Llama-3.3-70B-Instruct", "llama-3.3-70b"),
        ("deepseek-ai/DeepSeek-V3", "deepseek-v3"),
        ("google/gemma-2-9b-it", "gemma-2-9b"),
        ("openai/gpt-oss-120b", "gpt-oss-120b"),
        ("nobody/nothing-7B", None),
    ],
)
def test_an_id_of_hugging_face_names_the_model(printed: str, model_id: str | None) -> None:
    assert model_spelled(bundled(), printed) == model_id

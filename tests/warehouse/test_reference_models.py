"""The reference models and scenarios agree with themselves and with the golden rows."""

from __future__ import annotations

import csv
import gzip
from datetime import date
from pathlib import Path

import pytest

from warehouse.reference import Model, load_csv, load_gpus, load_models, load_scenarios

MODELS = {model.model_id: model for model in load_models()}
SCENARIOS = load_scenarios()

# What serving needs, beside the figures of its kind of attention.
SERVING = (
    "parameters",
    "active_parameters",
    "layers",
    "hidden_size",
    "attention_heads",
    "full_attention_layers",
    "context_limit_tokens",
)
CACHE = {"mla": ("kv_lora_rank", "rope_head_dimension")}
PLAIN_CACHE = ("kv_heads", "head_dimension")
SERVED = [model for model in MODELS.values() if "full_attention_layers" in model.values]
EXPERTS = [model for model in MODELS.values() if "routed_expert_parameters" in model.values]

# Names of the golden rows, and the model that each one is.
GOLDEN = {
    "DeepSeek-R1": "deepseek-r1",
    "DeepSeek-V4-Pro": "deepseek-v4-pro",
    "GLM-5": "glm-5",
    "Kimi-K2.5": "kimi-k2.5",
    "Llama-2-70B": "llama-2-70b",
    "Llama-3.1-405B": "llama-3.1-405b",
    "Llama-3.1-70B": "llama-3.1-70b",
    "Llama-3.1-8B": "llama-3.1-8b",
    "Llama-3.3-70B": "llama-3.3-70b",
    "Llama-4-Maverick": "llama-4-maverick",
    "Llama-4-Scout": "llama-4-scout",
    "Mistral-7B": "mistral-7b",
    "Mixtral-8x7B": "mixtral-8x7b",
    "Qwen3-235B-A22B": "qwen3-235b-a22b",
    "Qwen3-30B-A3B": "qwen3-30b-a3b",
    "Qwen3.5-397B-A17B": "qwen3.5-397b-a17b",
    "gpt-oss-120b": "gpt-oss-120b",
}
# Names that list prices use for more than one model over time.
AMBIGUOUS = {"deepseek-reasoner"}


def number(model: Model, name: str) -> float:
    value = model.values[name]
    assert isinstance(value, int | float), f"{model.model_id}: {name}"
    return float(value)


def named(model: Model) -> str:
    return model.model_id


def test_there_are_models_from_gpt_3_to_the_frontier() -> None:
    assert len(MODELS) >= 60
    with_compute = [m for m in MODELS.values() if "training_flops" in m.values]
    exponents = {int(f"{number(m, 'training_flops'):e}".split("e")[1]) for m in with_compute}
    assert {23, 24, 25, 26} <= exponents


@pytest.mark.parametrize("model", SERVED, ids=named)
def test_a_served_model_has_all_that_serving_needs(model: Model) -> None:
    attention = model.texts["attention"]
    needed = (*SERVING, *CACHE.get(str(attention), PLAIN_CACHE))
    assert [name for name in needed if name not in model.values] == []
    kinds = ("full_attention_layers", "sliding_window_layers", "linear_attention_layers")
    attending = sum(number(model, kind) for kind in kinds if kind in model.values)
    assert 0 < attending <= number(model, "layers")
    assert ("sliding_window_layers" in model.values) == ("sliding_window_tokens" in model.values)
    if "kv_heads" in model.values:
        groups = number(model, "attention_heads") / number(model, "kv_heads")
        expected = "mha" if groups == 1 else "mqa" if number(model, "kv_heads") == 1 else "gqa"
        assert (attention, groups % 1) == (expected, 0)


@pytest.mark.parametrize("model", EXPERTS, ids=named)
def test_active_parameters_follow_from_the_experts_of_a_token(model: Model) -> None:
    total, routed = number(model, "parameters"), number(model, "routed_expert_parameters")
    share = number(model, "experts_per_token") / number(model, "experts")
    assert routed < total
    # Published totals are rounded to the billion or to the tenth of a trillion; active counts
    # leave out the input embedding in some papers.
    rounding = max(0.3 * number(model, "active_parameters"), 0.02 * total)
    counted = total - routed * (1 - share)
    assert counted == pytest.approx(number(model, "active_parameters"), abs=rounding)


def test_training_hours_and_compute_agree_within_the_range_of_utilisation() -> None:
    """FLOP / (GPU-hours x dense 16-bit peak) is a utilisation: a share that training can reach."""
    peaks = {"A100": 312e12, "H100": 989.4e12, "H800": 989.4e12, "TPU-V3": 123e12, "TPU-V4": 275e12}
    checked = 0
    for model in MODELS.values():
        gpu = str(model.texts.get("training_gpu_id", ""))
        peak = next((flops for name, flops in peaks.items() if gpu.startswith(name)), None)
        if peak is None or not {"training_flops", "training_gpu_hours"} <= set(model.values):
            continue
        hours = number(model, "training_gpu_hours")
        utilisation = number(model, "training_flops") / (hours * 3600 * peak)
        assert 0.05 < utilisation < 0.75, (model.model_id, utilisation)
        checked += 1
    assert checked >= 15


def test_compute_agrees_with_six_parameters_tokens() -> None:
    checked = 0
    for model in MODELS.values():
        needed = {"training_flops", "training_tokens", "active_parameters"}
        if needed <= set(model.values):
            expected = 6 * number(model, "active_parameters") * number(model, "training_tokens")
            ratio = number(model, "training_flops") / expected
            assert 0.5 < ratio < 2, (model.model_id, ratio)
            checked += 1
    assert checked >= 30


def test_every_date_is_a_day_on_which_models_were_published() -> None:
    days = [model.values["published_on"] for model in MODELS.values() if _has_date(model)]
    assert all(
        isinstance(day, date) and date(2020, 1, 1) <= day < date(2026, 12, 1) for day in days
    )
    assert len(days) >= len(MODELS) - 1


def _has_date(model: Model) -> bool:
    return "published_on" in model.values


def test_an_alias_leads_to_a_model_and_to_one_only() -> None:
    rows = load_csv("model_aliases")
    printed = [(row["source_family"], row["model_name_printed"]) for row in rows]
    assert len(set(printed)) == len(printed)
    assert {row["model_id"] for row in rows} <= set(MODELS)
    assert {row["relation"] for row in rows} == {"same", "fine_tune"}
    epoch = {
        row["model_name_printed"]: row["model_id"]
        for row in rows
        if row["source_family"] == "epoch"
    }
    assert epoch == {
        model.texts["epoch_model_name"]: model.model_id
        for model in MODELS.values()
        if "epoch_model_name" in model.texts
    }


def test_scenarios_are_ordered_and_their_service_levels_exist() -> None:
    kinds: dict[str, set[str]] = {}
    for scenario in SCENARIOS:
        kinds.setdefault(scenario.kind, set()).add(scenario.scenario_id)
    assert kinds["workload"] >= {"chat", "balanced", "long", "summarise", "reasoning", "batch"}
    assert kinds["utilisation"] >= {"training", "prefill", "decode", "fleet"}
    for scenario in SCENARIOS:
        values = scenario.values
        if scenario.kind == "workload":
            assert scenario.texts["service_level_id"] in kinds["service_level"]
        if scenario.kind == "utilisation":
            low, central, high = (
                float(str(values[f"{part}_fraction"])) for part in ("low", "central", "high")
            )
            assert 0 < low < central < high <= 1


def _golden_rows(recorded: Path, name: str) -> list[dict[str, str]]:
    with (recorded / "golden" / name).open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


@pytest.mark.recorded
def test_models_agree_with_the_measured_rows(recorded: Path) -> None:
    rows = _golden_rows(recorded, "inference_measured_dev.csv")
    assert {row["model"] for row in rows} <= set(GOLDEN)
    for row in rows:
        model = MODELS[GOLDEN[row["model"]]]
        for column, name in (
            ("total_params_b", "parameters"),
            ("active_params_b", "active_parameters"),
        ):
            assert number(model, name) == pytest.approx(float(row[column]) * 1e9, rel=0.01)
        for column, name in (("layers", "layers"), ("hidden", "hidden_size")):
            assert not row[column] or number(model, name) == float(row[column])
        if row["kv_heads"].isdigit():
            assert number(model, "kv_heads") == float(row["kv_heads"])
            assert number(model, "head_dimension") == float(row["head_dim"])
        elif row["kv_heads"] == "MLA":
            width = number(model, "kv_lora_rank") + number(model, "rope_head_dimension")
            assert width == float(row["head_dim"])
        elif row["kv_heads"].startswith("hybrid"):
            growing, heads = row["kv_heads"].removeprefix("hybrid").split("x")
            assert number(model, "full_attention_layers") == float(growing)
            assert number(model, "kv_heads") == float(heads)


@pytest.mark.recorded
def test_every_priced_open_model_has_an_alias(recorded: Path) -> None:
    names = {
        row["model_name_printed"]
        for row in load_csv("model_aliases")
        if row["source_family"] == "api"
    }
    rows = _golden_rows(recorded, "api_prices_openweights.csv")
    assert {row["model_id"] for row in rows} - names == AMBIGUOUS


@pytest.mark.recorded
def test_gpu_hours_agree_with_what_the_makers_reported(recorded: Path) -> None:
    reported = {
        "Llama 2-70B": "llama-2-70b",
        "Llama 3.1-405B": "llama-3.1-405b",
        "PaLM 540B": "palm-540b",
        "Falcon-180B": "falcon-180b",
        "DeepSeek-V3": "deepseek-v3",
        "BLOOM-176B": "bloom-176b",
    }
    found = set()
    for row in _golden_rows(recorded, "external_truth.csv"):
        model_id = reported.get(row["model"])
        if model_id and row["quantity"] in ("GPU-hours", "chip-hours"):
            hours = number(MODELS[model_id], "training_gpu_hours")
            assert hours == pytest.approx(float(row["value"]), rel=0.01)
            found.add(model_id)
    assert found == set(reported.values())


@pytest.mark.recorded
def test_what_we_take_from_epoch_is_what_epoch_prints(recorded: Path) -> None:
    printed: dict[str, set[float]] = {}
    for path in (recorded / "payloads").glob("epoch*/*.csv.gz"):
        with gzip.open(path, "rt", encoding="utf-8-sig", newline="") as lines:
            for row in csv.DictReader(lines):
                flops = printed.setdefault((row.get("Model") or "").strip(), set())
                if row.get("Training compute (FLOP)"):
                    flops.add(float(row["Training compute (FLOP)"]))
    checked = 0
    for model in MODELS.values():
        name = model.texts.get("epoch_model_name")
        if name is None:
            continue
        assert str(name) in printed, model.model_id
        flops_leaf = model.leaves.get("training_flops")
        if flops_leaf is not None and flops_leaf.source.startswith("Epoch AI"):
            ours = pytest.approx(number(model, "training_flops"), rel=1e-3)
            assert any(flops == ours for flops in printed[str(name)]), model.model_id
            checked += 1
    assert checked >= 50


def test_every_training_chip_is_a_gpu_we_know() -> None:
    gpus = {gpu.gpu_id for gpu in load_gpus()}
    used = {
        str(m.texts["training_gpu_id"]) for m in MODELS.values() if "training_gpu_id" in m.texts
    }
    assert used <= gpus

"""A plan is consistent with itself, whatever is asked of it."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.answers.gpu_facts import GpuFacts
from pipelines.answers.train import training_answer
from pipelines.answers.training_choices import ModelChoices, RunChoices, sizing
from pipelines.answers.training_utilisation import RunUtilisation
from pipelines.derive.price_basis import GpuPrice
from warehouse.reference import bundled

ON = date(2026, 11, 20)
PRICE = GpuPrice("H100-SXM-80GB", 2.4, 1.9, 3.9, 6, ON, None, "neocloud", "us")
GPU = GpuFacts("H100-SXM-80GB", 80e9, 989.4e12, 700.0, 2.4, PRICE, "bf16", 989.4e12, "hopper")


def amounts(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(low, high, allow_nan=False)


MODEL_CHOICES = {
    "parameters": amounts(1e9, 1e12),
    "active_parameters": amounts(1e8, 1e11),
    "tokens": amounts(1e9, 1e14),
    "flops": amounts(1e20, 1e27),
    "budget_usd": amounts(1e3, 1e9),
    "target_loss": amounts(1.9, 3.0),
}
RUN_CHOICES = {
    "gpu_count": st.integers(128, 100_000),
    "deadline_days": amounts(1, 400),
    "utilisation_fraction": amounts(0.05, 0.7),
    "goodput_fraction": amounts(0.5, 1.0),
    "is_all_runs": st.booleans(),
}
KNOWN_FIGURES = {
    "parameters": amounts(1e9, 1e12),
    "active_parameters": amounts(1e8, 1e11),
    "training_tokens": amounts(1e9, 1e14),
    "training_flops": amounts(1e20, 1e27),
    "layers": st.just(80),
    "hidden_size": st.just(8192),
    "attention_heads": st.just(64),
}


def some_of(values: dict[str, st.SearchStrategy[Any]], most: int) -> st.SearchStrategy[Any]:
    """Draw values for at most so many names."""
    names = st.sets(st.sampled_from(sorted(values)), max_size=most)
    return names.flatmap(
        lambda chosen: st.fixed_dictionaries({name: values[name] for name in sorted(chosen)})
    )


known_models = some_of(KNOWN_FIGURES, len(KNOWN_FIGURES)).map(
    lambda figures: dict.fromkeys(KNOWN_FIGURES) | figures | {"name": "A model"}
)


@given(some_of(MODEL_CHOICES, 2), st.none() | known_models, some_of(RUN_CHOICES, 3))
def test_a_plan_agrees_with_itself_or_is_refused(
    model: dict[str, Any], known: dict[str, Any] | None, run: dict[str, Any]
) -> None:
    given_utilisation = run.pop("utilisation_fraction", None)
    utilisation = RunUtilisation(GPU, given_utilisation, ON, bundled())
    asked, choices = ModelChoices(**model), RunChoices(**run)
    try:
        complete = asked.completed_by(known) if known else asked
        size = sizing(complete, GPU, choices, utilisation)
        answer = training_answer(size, GPU, complete, choices, utilisation)
    except ValueError as refusal:
        assert "\n" not in str(refusal)
        return
    plan, sized = answer["plan"], answer["model"]
    assert sized["flops"] == pytest.approx(
        6 * sized["active_parameters"] * sized["tokens"], rel=0.011
    )
    for name in ("parameters", "active_parameters", "tokens", "flops"):
        if name in model:
            assert sized[name] == pytest.approx(model[name], rel=0.011)
    rate = GPU.peak_flops_per_second * plan["utilisation_fraction"] * plan["goodput_fraction"]
    hours = sized["flops"] / rate / 3600
    assert plan["days"] * 24 * plan["gpu_count"] == pytest.approx(hours)
    assert plan["gpu_hours"] == pytest.approx(hours * choices.runs_multiplier)
    assert plan["usd"] == pytest.approx(plan["gpu_hours"] * GPU.usd_per_gpu_hour)
    assert plan["low"] <= plan["low_80"] <= plan["usd"] <= plan["high_80"] <= plan["high"]
    if given_utilisation:
        assert plan["utilisation_fraction"] == given_utilisation
    if choices.gpu_count:
        assert plan["gpu_count"] == choices.gpu_count
    if "budget_usd" in model:
        assert plan["usd"] == pytest.approx(model["budget_usd"], rel=0.05)

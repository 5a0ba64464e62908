"""The measured result that stands nearest to a question."""

from dataclasses import replace

from pipelines.answers.nearest_measured import nearest_measured
from pipelines.derive.serving_names import model_named
from warehouse.reference import bundled


def test_the_same_model_gpu_precision_and_size_come_first() -> None:
    near = nearest_measured(
        bundled(), model_named(bundled(), "llama-3.1-70b"), "B200-180GB", "fp4", 2, 64
    )
    assert near is not None
    assert (near.model, near.gpu_id, near.precision) == ("llama-3-70b", "B200-180GB", "fp4")
    assert (near.gpu_count, near.concurrency) == (2, 64)
    assert "2 x B200-180GB, 64 users" in near.text


def test_a_gpu_that_was_not_measured_with_a_model_names_another() -> None:
    near = nearest_measured(
        bundled(), model_named(bundled(), "llama-3.3-70b"), "RTX4090-24GB", "fp8", 1, 8
    )
    assert near is not None
    assert near.model == "llama-3-70b"
    assert near.gpu_id != "RTX4090-24GB"


def test_neither_measured_is_none() -> None:
    assert (
        nearest_measured(bundled(), model_named(bundled(), "opt-175b"), "RTX4090-24GB", "fp8", 1, 8)
        is None
    )


def test_a_model_of_the_user_has_the_nearest_result_of_the_gpu() -> None:
    known = model_named(bundled(), "llama-3.1-8b")
    own = replace(known, model_id="ours", values={**known.values, "layers": 33})
    near = nearest_measured(bundled(), own, "H200-SXM-141GB", "fp8", 1, 8)
    assert near is not None
    assert near.gpu_id == "H200-SXM-141GB"

"""Stages after pretraining: their compute beside that of pretraining, and published runs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cost_engine.training.run import rental_usd
from cost_engine.training.stages import GENERATION_UTILISATION, STAGES
from pipelines.commands.train import STAGE_NAMES


def test_the_command_offers_every_stage():
    assert tuple(STAGES) == STAGE_NAMES


def test_adapters_take_two_thirds_of_the_compute_of_all_weights():
    full, lora = (STAGES[name].flops(8e9, 1e9) for name in ("sft", "lora"))
    assert lora / full == pytest.approx(2 / 3)
    assert STAGES["pretraining"].flops(8e9, 1e9) == full == 6 * 8e9 * 1e9


def test_frozen_weights_need_less_memory_the_fewer_their_bits():
    state = {name: stage.state_bytes_per_parameter for name, stage in STAGES.items()}
    assert state["qlora"] < state["lora"] < state["sft"] < state["dpo"] < state["rl"]
    # A 65B model is tuned on one GPU of 48 GB (arXiv:2305.14314).
    assert 65e9 * state["qlora"] < 48e9


def test_long_sequences_add_attention_over_the_context():
    stage = STAGES["long-context"]
    shape = {"layers": 80, "hidden_size": 8192}
    short = stage.flops(70e9, 1e9, **shape, sequence_tokens=8192)
    long = stage.flops(70e9, 1e9, **shape, sequence_tokens=131072)
    assert short == pytest.approx(STAGES["sft"].flops(70e9, 1e9), rel=0.1)
    assert long > 2 * short
    with pytest.raises(ValueError, match="--hidden-size"):
        stage.flops(70e9, 1e9)


def test_a_student_pays_for_the_forward_pass_of_its_teacher():
    alone, taught = STAGES["sft"], STAGES["distillation"]
    got = taught.flops(8e9, 1e9, teacher_parameters=70e9)
    assert got == alone.flops(8e9, 1e9) + 2 * 70e9 * 1e9
    with pytest.raises(ValueError, match="--teacher-parameters"):
        taught.flops(8e9, 1e9)


def test_evaluation_is_a_third_of_training():
    assert STAGES["evaluation"].flops(8e9, 1e9) == pytest.approx(STAGES["sft"].flops(8e9, 1e9) / 3)


@given(st.sampled_from(sorted(STAGES)), st.floats(0.05, 0.7))
def test_sampling_lowers_the_share_of_the_peak_and_nothing_else_does(name, share):
    stage = STAGES[name]
    got = stage.utilisation_fraction(share)
    if stage.generated_flops_per_parameter_token and share > GENERATION_UTILISATION:
        assert GENERATION_UTILISATION <= got <= share
    elif not stage.generated_flops_per_parameter_token:
        assert got == share


@pytest.mark.parametrize(
    ("gpu_hours", "usd_per_gpu_hour", "usd"),
    [
        # DeepSeek-R1 on V3, arXiv:2501.12948: 147 thousand H800-hours at 2 USD.
        (147_000, 2.0, 294_000),
        # MiniMax-M1, arXiv:2506.13585: 512 H800 for three weeks, 0.53 million USD.
        (512 * 21 * 24, 2.072, 534_700),
    ],
)
def test_published_reinforcement_learning_costs_its_hours(gpu_hours, usd_per_gpu_hour, usd):
    assert rental_usd(usd_per_gpu_hour, gpu_hours) == pytest.approx(usd, rel=0.001)

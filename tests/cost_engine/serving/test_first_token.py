"""The first token: a queue that grows with the batch, and GPUs that prefill for others."""

from dataclasses import replace

import numpy as np
import pytest

from cost_engine.serving.example import THOUSAND_IN_AND_OUT
from cost_engine.serving.first_token import first_token_seconds, pooled_first_token_seconds
from cost_engine.serving.inputs import Labels, ServingConstants

CONSTANTS = ServingConstants(
    {
        "first_token_exponent": 0.5,
        "first_token_start_seconds": 0.02,
        "waiting_factor": 0.5,
        "divided_prefill": 1.0,
        "first_token_prefill.vllm/hopper": 2.0,
    }
)
PARTS = {"prefill_seconds": 0.1, "step_seconds": 0.0, "waiting_seconds": 0.0}


def test_four_times_the_batch_doubles_the_queue() -> None:
    seconds = first_token_seconds(
        CONSTANTS, THOUSAND_IN_AND_OUT, running_sequences=np.array([1.0, 4.0, 16.0]), **PARTS
    )
    assert np.asarray(seconds) == pytest.approx([0.12, 0.22, 0.42])


def test_data_parallel_attention_prefills_on_one_gpu() -> None:
    load = replace(THOUSAND_IN_AND_OUT, gpu_count=8.0, is_cache_divided=True)
    seconds = first_token_seconds(CONSTANTS, load, running_sequences=1.0, **PARTS)
    assert float(seconds) == pytest.approx(0.02 + 0.8)


def test_an_engine_on_an_architecture_has_its_own_factor() -> None:
    load = replace(THOUSAND_IN_AND_OUT, engine_path=Labels.of("vllm/hopper"))
    seconds = first_token_seconds(CONSTANTS, load, running_sequences=1.0, **PARTS)
    assert float(seconds) == pytest.approx(0.02 + 0.2)


def test_who_finds_no_room_waits_longer() -> None:
    waiting = first_token_seconds(
        CONSTANTS, THOUSAND_IN_AND_OUT, running_sequences=1.0, **(PARTS | {"waiting_seconds": 4.0})
    )
    assert float(waiting) == pytest.approx(0.12 + 2.0)


def test_a_pool_makes_a_prompt_wait_for_those_before_it() -> None:
    seconds = [
        float(
            pooled_first_token_seconds(
                ServingConstants({}),
                THOUSAND_IN_AND_OUT,
                prefill_seconds=0.1,
                waiting_prompts=prompts,
                users_per_worker=50.0,
                transfer_seconds=0.01,
                step_seconds=0.02,
            )
        )
        for prompts in (0.0, 3.0)
    ]
    assert seconds == pytest.approx([0.13, 0.43])


def test_users_of_pools_return_in_groups() -> None:
    seconds = [
        float(
            pooled_first_token_seconds(
                ServingConstants({"pooled_group_fraction": 0.25}),
                THOUSAND_IN_AND_OUT,
                prefill_seconds=0.1,
                waiting_prompts=0.0,
                users_per_worker=users,
                transfer_seconds=0.01,
                step_seconds=0.02,
            )
        )
        for users in (0.0, 8.0)
    ]
    assert seconds == pytest.approx([0.13, 0.33])

"""What people type for a GPU or a model means the same in every command."""

from __future__ import annotations

import pytest

from tests.pipelines.commands.conftest import Truecost

OF_A_GPU = [
    ("offers", "{}"), ("index", "{}"), ("flop", "{}"), ("compare", "{}", "B200-180GB"),
    ("quote", "--gpu", "{}", "-n", "1"), ("why", "offers_latest", "{}"),
    ("why", "marts.offers_latest", "gpu_id={}"),
    ("reserve", "--gpu", "{}", "--job-months", "3"), ("reserve", "--gpu", "{}", "--terms"),
    ("infer", "llama-3.1-8b", "--gpu", "{}"), ("fit", "llama-3.1-8b", "--gpu", "{}"),
    ("napkin", "llama-3.1-8b", "--gpu", "{}"),
    ("train", "--parameters", "1B", "--tokens", "1B", "--gpus", "8", "--gpu", "{}"),
    ("own-vs-rent", "--purchase-usd", "1000", "--gpu", "{}"),
    ("budget", "llama-3.1-8b", "--requests-per-day", "10", "--gpu", "{}"),
]  # fmt: skip
OF_A_MODEL = [
    ("infer", "{}"), ("fit", "{}"), ("api", "{}"), ("napkin", "{}"), ("compare", "{}", "qwen3-32b"),
    ("train", "{}", "--tokens", "1B", "--gpus", "64"), ("why", "inference_cost", "{}"),
    ("budget", "{}", "--requests-per-day", "10"),
    ("compare", "H100-SXM-80GB", "B200-180GB", "--model", "{}"),
]  # fmt: skip
MODEL = "llama-3.3-70b"
WITHOUT_OFFER = ("nobody", "no fresh price")  # the name was understood


def asked(command: tuple[str, ...], name: str) -> list[str]:
    return [word.format(name) for word in command]


@pytest.mark.slow
@pytest.mark.parametrize("command", OF_A_GPU, ids=" ".join)
@pytest.mark.parametrize(
    ("spelling", "gpu_id"),
    [("H100 SXM", "H100-SXM-80GB"), ("4090", "RTX4090-24GB")],
)
def test_a_spelling_of_one_gpu_is_answered_as_its_id(
    ask: Truecost, command: tuple[str, ...], spelling: str, gpu_id: str
) -> None:
    found, expected = ask(*asked(command, spelling)), ask(*asked(command, gpu_id))
    assert found.exit_code == expected.exit_code
    assert found.output == expected.output
    assert found.exit_code == 0 or any(word in found.output for word in WITHOUT_OFFER)


@pytest.mark.parametrize("command", [one for one in OF_A_GPU if one[0] != "why"], ids=" ".join)
def test_a_spelling_of_several_gpus_lists_them(ask: Truecost, command: tuple[str, ...]) -> None:
    refused = ask(*asked(command, "h100"))
    assert refused.exit_code == 2
    assert "'h100' is not one thing: H100-NVL-94GB, H100-PCIE-80GB, H100-SXM-80GB" in refused.output


@pytest.mark.slow
@pytest.mark.parametrize("command", OF_A_MODEL, ids=" ".join)
@pytest.mark.parametrize("spelling", ["Llama 3.3 70B", "meta-llama/Llama-3.3-70B-Instruct"])
def test_a_spelling_of_one_model_is_answered_as_its_id(
    ask: Truecost, command: tuple[str, ...], spelling: str
) -> None:
    found, expected = ask(*asked(command, spelling)), ask(*asked(command, MODEL))
    assert found.exit_code == expected.exit_code == 0, found.output
    assert found.output.replace(spelling, MODEL) == expected.output.replace(spelling, MODEL)


@pytest.mark.parametrize(
    "asked_of",
    [("index", "4090"), ("reserve", "--gpu", "4090", "--job-months", "3"),
     ("reserve", "--gpu", "4090", "--terms"),
     ("reserve", "--gpu", "h100 sxm", "--job-months", "3", "--burst-gpu", "4090")],
    ids=" ".join,
)  # fmt: skip
def test_a_card_that_is_left_out_is_refused(ask: Truecost, asked_of: tuple[str, ...]) -> None:
    refused = ask(*asked_of, "--data-center-only")
    assert refused.exit_code == 2
    assert "--data-center-only leaves out RTX4090-24GB: it is a consumer card" in refused.output

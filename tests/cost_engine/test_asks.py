"""The price of one GPU today: few providers and old prices are never told as certain."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cost_engine.asks import SMALLEST_VARIANCE, SpreadPrior, price_now, spread_prior

PRIOR = SpreadPrior(10.0, 0.1225)
PER_DAY = 0.0001


def test_one_provider_says_half_to_double() -> None:
    alone = price_now([2.0], [0], PRIOR, PER_DAY, 0.5)
    assert alone.ask_half_width_log == pytest.approx(0.679196, abs=1e-6)
    assert alone.typical_half_width_log == 0.5  # the floor


def test_five_providers_by_hand() -> None:
    five = price_now([1.5, 2.0, 2.0, 2.5, 4.0], [0] * 5, PRIOR, PER_DAY, 0.5)
    assert five.middle_usd_per_gpu_hour == pytest.approx(60 ** (1 / 5))
    assert five.ask_half_width_log == pytest.approx(0.522262, abs=1e-6)
    assert five.typical_half_width_log == pytest.approx(0.213213, abs=1e-6)
    assert five.typical[0] < five.middle_usd_per_gpu_hour < five.typical[1]


def test_an_old_price_counts_less_and_says_less() -> None:
    even = price_now([2.0, 4.0], [0, 0], PRIOR, PER_DAY)
    aged = price_now([2.0, 4.0], [0, 1000], PRIOR, PER_DAY)
    assert aged.middle_usd_per_gpu_hour < even.middle_usd_per_gpu_hour
    assert aged.ask_half_width_log > even.ask_half_width_log


@given(st.integers(1, 30), st.floats(0.01, 100))
def test_more_providers_of_the_same_spread_are_never_less_certain(count: int, usd: float) -> None:
    fewer = price_now([usd] * count, [0] * count, PRIOR, PER_DAY)
    more = price_now([usd] * (count + 1), [0] * (count + 1), PRIOR, PER_DAY)
    assert more.ask_half_width_log <= fewer.ask_half_width_log
    assert more.typical_half_width_log <= fewer.typical_half_width_log


@given(st.lists(st.floats(0.001, 2), min_size=1, max_size=12))
def test_the_prior_lies_within_its_bounds(variances: list[float]) -> None:
    prior = spread_prior(variances, [4] * len(variances))
    assert 2.5 <= prior.degrees <= 10
    assert prior.variance >= SMALLEST_VARIANCE


@pytest.mark.parametrize(
    ("usd", "ages"), [([], []), ([1.0], []), ([0.0], [0]), ([1.0], [-1]), ([1.0], [float("nan")])]
)
def test_what_has_no_answer_is_refused(usd: list[float], ages: list[float]) -> None:
    with pytest.raises(ValueError, match="price"):
        price_now(usd, ages, PRIOR, PER_DAY)


def test_a_prior_needs_a_gpu() -> None:
    with pytest.raises(ValueError, match="0 variances"):
        spread_prior([], [])


@pytest.mark.recorded
def test_the_known_answers(recorded: Path) -> None:
    text = (recorded / "golden" / "like_for_like_cases.json").read_text(encoding="utf-8")
    cases = json.loads(text)["cases"]
    for case in (case for case in cases if case["kind"] == "price"):
        given_, wanted = case["input"], case["expected"]
        prior = SpreadPrior(given_["nu0"], given_["s0sq"])
        found = price_now(
            given_["usd"], given_["age_days"], prior, given_["q_day"], given_["floor"]
        )
        assert found.middle_usd_per_gpu_hour == pytest.approx(wanted["mid"], abs=1e-5)
        assert found.ask_half_width_log == pytest.approx(wanted["half_log_ask"], abs=1e-5)
        assert found.typical_half_width_log == pytest.approx(wanted["half_log_typical"], abs=1e-5)
        assert found.ask == pytest.approx((wanted["ask_low"], wanted["ask_high"]), abs=1e-4)
    [prior_case] = [case for case in cases if case["kind"] == "prior"]
    prior = spread_prior(prior_case["input"]["variances"], prior_case["input"]["degrees"])
    assert prior.degrees == pytest.approx(prior_case["expected"]["nu0"])
    assert prior.variance == pytest.approx(prior_case["expected"]["s0sq"], abs=1e-5)

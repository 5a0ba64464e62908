"""The price of the same specifications: what was put in comes out."""

from __future__ import annotations

from dataclasses import replace
from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cost_engine.hedonic import PricedGpu, hedonic_fit

LEVELS = {0: 1.0, 1: 0.9, 4: 0.7}
FAMILIES = {"a": "neocloud", "b": "neocloud", "c": "neocloud", "d": "hyperscaler"}


def market(noise: float = 0.0) -> list[PricedGpu]:
    """Return prices that follow a law: memory^0.8, half at neoclouds, falling by quarter."""
    return [
        PricedGpu(
            quarter,
            provider,
            str(memory),
            level
            * memory**0.8
            * (0.5 if family == "neocloud" else 1.0)
            * (1 + noise * ((hash_ % 7) - 3)),
            {"memory": memory},
            {"family": family},
        )
        for quarter, level in LEVELS.items()
        for provider, family in FAMILIES.items()
        for hash_, memory in enumerate((16, 40, 80, 141), start=quarter + len(provider))
    ]


def test_the_law_is_found_again() -> None:
    fit = hedonic_fit(market(), 0)
    assert [one.index for one in fit.quarters] == pytest.approx([100, 90, 70])
    effects = {one.name: one.value for one in fit.coefficients}
    assert effects == pytest.approx({"memory": 0.8, "family=hyperscaler": log(2)})
    assert fit.r_squared == pytest.approx(1.0)


@given(st.integers(2, 40))
def test_printing_a_row_many_times_changes_nothing(times: int) -> None:
    rows = market(noise=0.02)
    once = hedonic_fit(rows, 0)
    copied = [row for row in rows for _ in range(times if row.provider_id == "a" else 1)]
    often = hedonic_fit(copied, 0)
    assert [one.index for one in often.quarters] == pytest.approx(
        [one.index for one in once.quarters]
    )


def test_noise_widens_the_interval_and_the_base_has_none() -> None:
    base, later, _ = hedonic_fit(market(noise=0.02), 0).quarters
    assert base.interval == (100.0, 100.0)
    assert later.interval[0] < later.index < later.interval[1]


def test_few_providers_are_not_published() -> None:
    assert not any(one.is_published for one in hedonic_fit(market(), 0).quarters)


@pytest.mark.parametrize(
    ("rows", "base", "words"),
    [
        (market(), 3, "base quarter"),
        ([row for row in market() if row.provider_id == "a"], 0, "one provider"),
        ([replace(market()[0], usd_per_gpu_hour=0.0)], 0, "above 0"),
    ],
)
def test_what_has_no_answer_is_refused(rows: list[PricedGpu], base: int, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        hedonic_fit(rows, base)

"""The matched index: known answers, and what must hold whatever the prices are."""

from __future__ import annotations

import json
from dataclasses import replace
from math import exp, log
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cost_engine.like_for_like import ItemPrice, index_levels, interval, time_product_dummy

NOISE = 0.003


full_panels = st.integers(2, 6).flatmap(
    lambda months: st.lists(
        st.lists(st.floats(0.1, 50), min_size=months, max_size=months), min_size=3, max_size=6
    )
)


def prices_of(asked: dict[str, list[float | None]]) -> list[ItemPrice]:
    """Return prices from ``provider item`` and one price a month, None where there is none."""
    return [
        ItemPrice(name.split()[0], name, month, usd)
        for name, series in asked.items()
        for month, usd in enumerate(series)
        if usd is not None
    ]


def indices(asked: dict[str, list[float | None]], provider_minimum: int = 2) -> list[float]:
    return [level.index for level in index_levels(prices_of(asked), provider_minimum)]


def test_who_comes_or_goes_moves_nothing() -> None:
    asked = {"a x": [4, 4, None], "b z": [4, 4, 4], "c w": [None, 1, 1], "d v": [12, None, None]}
    assert indices(asked) == pytest.approx([100, 100, 100])


def test_what_comes_back_is_compared_with_its_last_price_moved_along() -> None:
    asked = {"a x": [10, 8, None, 10], "b z": [10] * 4, "c w": [10] * 4}
    fallen = 100 * 0.8 ** (1 / 3)
    assert indices(asked) == pytest.approx([100, fallen, fallen, 100])


def test_an_item_away_for_over_a_year_is_new() -> None:
    months = 14
    asked = {
        "a x": [10, *[None] * (months - 2), 5],
        "b z": [10.0] * months,
        "c w": [10.0] * months,
    }
    assert indices(asked) == pytest.approx([100.0] * months)


def test_too_few_on_a_link_begin_a_segment_of_their_own() -> None:
    asked = {
        "a x": [4, 4, 3, 3],
        "b z": [4, 4, None, None],
        "c w": [4, 4, None, None],
        "d v": [None, None, 1, 1],
        "e u": [None, None, 1, 2],
    }
    levels = index_levels(prices_of(asked))
    starts = [(level.month, level.segment_start) for level in levels]
    assert starts == [(0, 0), (1, 0), (2, 2), (3, 2)]
    assert levels[-1].index == pytest.approx(100 * 2 ** (1 / 3))
    assert sum(levels[-1].contributions().values()) == pytest.approx(levels[-1].log_change)


def test_a_month_that_does_not_link_is_withheld_and_costs_nothing() -> None:
    asked = {
        "a x": [4, 4, 9, 2],
        "b z": [4, 4, None, 4],
        "c w": [4, 4, None, 4],
        "d v": [None, None, 1, 1],
        "e u": [None, None, 1, 1],
    }
    levels = index_levels(prices_of(asked))
    assert [level.month for level in levels] == [0, 1, 3]
    assert levels[-1].index == pytest.approx(100 * 0.5 ** (1 / 3))
    assert levels[-1].gap_months == 2


def test_a_month_that_nobody_was_heard_in_has_no_level() -> None:
    heard = prices_of({"a x": [10, None, 10], "b z": [10, None, 10]})
    guessed = [replace(price, month=1, is_heard=False) for price in heard if price.month == 0]
    assert [level.month for level in index_levels(heard + guessed, 2)] == [0, 2]


@given(full_panels, st.integers(0, 5))
def test_levels_that_stand_are_continued_as_if_made_anew(panel, kept) -> None:
    asked = {f"p{number} x": list(series) for number, series in enumerate(panel)}
    whole = index_levels(prices_of(asked))
    assert index_levels(prices_of(asked), published=whole[: kept + 1]) == whole


def test_a_jump_that_one_source_shows_is_doubted() -> None:
    jump = [ItemPrice("a", f"x{n}", m, 1.0 + m, True, f"s{n}") for n in (1, 2) for m in (0, 1)]
    still = [ItemPrice(p, p, m, 3.0) for p in "bc" for m in (0, 1)]
    both = index_levels(jump + still)[-1].votes["a"]
    one = index_levels(jump[:2] + still)[-1].votes["a"]
    assert (one.is_unconfirmed, both.is_unconfirmed) == (True, False)


def test_one_month_is_no_index() -> None:
    assert index_levels(prices_of({"a x": [1], "b z": [1], "c w": [1]})) == []


def test_the_interval_of_sellers_who_stood_still_is_not_nothing() -> None:
    levels = index_levels(prices_of({"a x": [4] * 25, "b z": [4] * 25, "c w": [4] * 25}))
    width = interval(levels, NOISE)
    assert width is not None
    assert 0.05 < width.half_width_log < 0.25
    assert interval(levels[:1], NOISE) is None


def test_a_change_of_method_moves_the_watch_and_not_the_index() -> None:
    asked = {
        "a x0": [16, 16, None, None],
        "a x1": [None, None, 2, 1],
        "b z": [3] * 4,
        "c w": [3] * 4,
    }
    assert indices(asked) == pytest.approx([100, 100, 100, 100 * 0.5 ** (1 / 3)])
    watch = time_product_dummy(prices_of(asked))
    assert [100 * exp(watch[month]) for month in range(4)] == pytest.approx(
        [100, 100, 112.246205, 89.089872], abs=1e-5
    )


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ([ItemPrice("a", "x", 0, 0.0)], "above 0"),
        ([ItemPrice("a", "x", 0, 1.0), ItemPrice("b", "x", 0, 1.0)], "two prices"),
    ],
)
def test_prices_that_make_no_sense_are_refused(wrong: list[ItemPrice], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        index_levels(wrong)


@given(full_panels)
def test_on_a_full_panel_time_reversal_inverts_the_index(panel: list[list[float]]) -> None:
    forward = {f"p{number} x": series for number, series in enumerate(panel)}
    backward = {name: series[::-1] for name, series in forward.items()}
    there = indices(forward, 3)[-1]
    back = indices(backward, 3)[-1]
    assert log(there / 100) == pytest.approx(-log(back / 100), abs=1e-9)


@given(full_panels, st.floats(0.01, 100), st.randoms())
def test_order_names_and_price_level_do_not_matter(panel, factor, random) -> None:
    asked = {f"p{number} x": series for number, series in enumerate(panel)}
    dearer = {f"q{9 - n} y": [factor * usd for usd in s] for n, s in enumerate(panel)}
    shuffled = prices_of(dearer)
    random.shuffle(shuffled)
    levels = index_levels(shuffled, 3)
    assert [level.index for level in levels] == pytest.approx(indices(asked, 3))


@given(full_panels)
def test_one_who_never_moves_pulls_the_change_towards_nothing(panel: list[list[float]]) -> None:
    asked = {f"p{number} x": [series[0], series[-1]] for number, series in enumerate(panel)}
    count = len(asked)
    alone = log(indices(asked, 3)[-1] / 100)
    joined = log(indices({**asked, "still x": [1.0, 1.0]}, 3)[-1] / 100)
    assert joined == pytest.approx(alone * count / (count + 1), abs=1e-9)


@pytest.mark.recorded
def test_the_known_answers(recorded: Path) -> None:
    text = (recorded / "golden" / "like_for_like_cases.json").read_text(encoding="utf-8")
    for case in json.loads(text)["cases"]:
        if case["kind"] != "index":
            continue
        heard = case["heard"] and {tuple(pair) for pair in case["heard"]}
        prices = [
            ItemPrice(
                row["provider"],
                f"{row['provider']} {row['item']}",
                row["period"],
                row["usd_per_gpu_hour"],
                heard is None or (row["provider"], row["period"]) in heard,
            )
            for row in case["input"]
        ]
        levels = index_levels(prices, case["need"])
        wanted = case["expected"]["index"]
        starts = {row["segment"]: row["period"] for row in reversed(wanted)}
        assert [(level.month, level.segment_start) for level in levels] == [
            (row["period"], starts[row["segment"]]) for row in wanted
        ], case["name"]
        for level, row in zip(levels, wanted, strict=True):
            assert level.index == pytest.approx(row["index"], abs=1e-5), case["name"]
            assert len(level.votes) == row["link_providers"]
            assert level.item_count == row["link_items"]
            until = [one for one in levels if one.segment_start == level.segment_start]
            width = interval([one for one in until if one.month <= level.month], NOISE)
            assert (width is None) == ("half_log" not in row)
            if width:
                assert width.half_width_log == pytest.approx(row["half_log"], abs=1e-6)
                assert width.degrees == pytest.approx(row["degrees"], abs=1e-5)
        watch = time_product_dummy(prices)
        for period, value in case["expected"]["time_product_dummy"].items():
            assert 100 * exp(watch[int(period)]) == pytest.approx(value, abs=1e-4), case["name"]

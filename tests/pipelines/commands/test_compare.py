"""``truecost compare`` on a published home: what two names mean, and figures that add up."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pipelines.site.pages.pair import gpu_pairs, pair_pages, provider_pairs
from pipelines.site.published import Published
from tests.pipelines.commands.conftest import Truecost
from warehouse.database import open_published
from warehouse.paths import Home

PAIRS = [
    ("H100-SXM-80GB", "B200-180GB"),
    ("verda", "runpod"),
    ("llama-3.3-70b", "qwen3-32b"),
]


def compared(ask: Truecost, *arguments: str) -> list[dict[str, Any]]:
    answer = ask("compare", *arguments, "--json")
    assert answer.exit_code == 0, answer.output
    rows: list[dict[str, Any]] = json.loads(answer.stdout)
    return rows


@pytest.mark.parametrize(("a", "b"), PAIRS)
def test_the_other_way_round_every_side_is_the_other_and_every_ratio_its_inverse(
    ask: Truecost, a: str, b: str
) -> None:
    there = {(r["figure"], r["basis"], r["unit"]): r for r in compared(ask, a, b)}
    back = {(r["figure"], r["basis"], r["unit"]): r for r in compared(ask, b, a)}
    assert there.keys() == back.keys()
    assert any(row["ratio"] for row in there.values())
    for key, row in there.items():
        other = back[key]
        assert (row["a"], row["b"]) == (other["b"], other["a"])
        assert (row["ratio"] is None) == (other["ratio"] is None)
        if row["ratio"] is not None:
            assert row["ratio"] * other["ratio"] == pytest.approx(1)
        if row["ratio_low"] is not None:
            assert row["ratio_low"] * other["ratio_high"] == pytest.approx(1)


def test_a_price_of_a_gpu_is_that_of_the_mart(ask: Truecost, answers_home: Home) -> None:
    rows = compared(ask, "h100 sxm", "B200-180GB")
    [price] = [
        r for r in rows if r["figure"] == "price" and r["basis"] == "on_demand, neocloud, us"
    ]
    with open_published(answers_home) as connection:
        expected = connection.execute(
            "select middle_usd_per_gpu_hour, provider_count from marts.gpu_price_now"
            " where gpu_id = 'H100-SXM-80GB' and purchase_model = 'on_demand'"
            " and market_family = 'neocloud' and reference_region = 'us'"
        ).fetchall()
    assert [(price["a"], price["a_provider_count"])] == expected
    [memory] = [r for r in rows if r["figure"] == "memory"]
    assert (memory["a"], memory["b"], memory["unit"]) == (80, 180, "GB")
    [operations] = [
        r for r in rows
        if r["figure"].startswith("operations") and r["basis"] == "bf16, on_demand, neocloud, us"
    ]  # fmt: skip
    [peak] = [r for r in rows if (r["figure"], r["basis"]) == ("dense peak", "bf16")]
    assert operations["a"] == pytest.approx(price["a"] / 3600 * 1e18 / (peak["a"] * 1e12))


def test_two_providers_are_compared_on_what_both_rent_out(ask: Truecost) -> None:
    first, *rows = compared(ask, "Verda", "runpod")
    pairs = [row for row in rows if row["figure"] == "price"]
    assert first["basis"] == f"median of {len(pairs)} matched prices"
    ratios = sorted(row["a"] / row["b"] for row in pairs)
    assert ratios[0] <= first["ratio_low"] <= first["ratio"] <= first["ratio_high"] <= ratios[-1]
    assert {row["figure"] for row in rows} >= {"kinds of GPU", "offers", "age of the newest price"}


def test_a_model_shows_whose_set_it_is_served_on(ask: Truecost) -> None:
    rows = compared(ask, "llama 3.3 70b", "qwen3-32b")
    serving = [row for row in rows if row["figure"] == "own serving"]
    assert serving and all(" x " in row["a_detail"] for row in serving)
    assert {row["figure"] for row in rows} >= {"parameters", "API price", "training"}


def test_the_page_of_a_pair_says_what_the_command_says(ask: Truecost, answers_home: Home) -> None:
    with open_published(answers_home) as connection:
        published = Published(connection)
        gpus, providers = gpu_pairs(published), provider_pairs(published)
        pages = {page.path: page for page in pair_pages(published)}
    assert len(pages) == len(gpus) + len(providers) > 4
    for pair in (gpus[0], gpus[-1], providers[0]):
        said = {(line["figure"], line["basis"]): line for line in compared(ask, pair.a, pair.b)}
        for block in pages[pair.path].blocks:
            assert block.table and block.table.shown
            for row in block.table.shown:
                if "figure" in row:
                    line = said.pop((row["figure"], row["basis"]))
                    shown = {key: row[key] for key in line.keys() & row.keys() - {"ratio"}}
                    assert shown.items() <= line.items() and "a_low" in shown
                else:
                    line = said.pop(("price", f"{row['gpu_id']}, {row['basis']}"))
                    sides = (row["a_usd_per_gpu_hour"], row["b_usd_per_gpu_hour"])
                    assert sides == (line["a"], line["b"])
                assert line["ratio"] == (row["ratio"] and row["ratio"].value)
        assert {figure for figure, _ in said} <= {"price, like for like"}


@pytest.mark.parametrize(
    ("a", "b", "said"),
    [
        ("h100", "b200", "GPU 'h100' is not one thing: H100-NVL-94GB"),
        ("lambda", "H100-SXM-80GB", "'lambda' is a provider and 'H100-SXM-80GB' is a GPU"),
        ("llama", "qwen3-32b", "model 'llama' is not one thing: llama-2-70b"),
        ("gcp", "google", "are the same provider, gcp"),
        ("nonsense", "lambda", "'nonsense' is no GPU, provider or model"),
        ("", "lambda", "'' is no GPU, provider or model"),
    ],
)
def test_names_that_cannot_be_compared_are_refused_in_one_line(
    ask: Truecost, a: str, b: str, said: str
) -> None:
    answer = ask("compare", a, b)
    assert answer.exit_code == 2
    assert said in answer.output


def test_people_see_what_both_have_and_are_told_of_the_rest(ask: Truecost) -> None:
    short, whole = (ask("compare", *PAIRS[0], *more).stdout for more in ((), ("--all",)))
    assert "figures that only one of them has: --all" in short
    assert len(whole.splitlines()) > len(short.splitlines())

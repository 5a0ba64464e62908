"""``truecost image`` on a published home."""

from __future__ import annotations

import json

import pytest

from tests.pipelines.commands.conftest import Truecost
from warehouse.database import open_published
from warehouse.paths import Home


def test_the_ranked_gpus_are_those_of_the_table_on_the_default_basis(
    ask: Truecost, answers_home: Home
) -> None:
    rows = json.loads(ask("image", "SDXL", "--limit", "200", "--json").stdout)
    ranked = {row["gpu_id"]: row["usd_per_1k_images"] for row in rows if row["is_ranked"]}
    with open_published(answers_home) as connection:
        expected = connection.execute(
            "select gpu_id, usd_per_1k_images from marts.image_cost where image_model_id = 'sdxl'"
            " and purchase_model = 'on_demand' and is_default_basis and evidence = 'market'"
        ).fetchall()
    assert ranked == dict(expected)
    assert len(ranked) > 3
    assert list(ranked.values()) == sorted(ranked.values())
    assert all(row["memory_bytes"] >= row["model_memory_bytes"] for row in rows)


def test_the_price_of_one_provider_scales_the_cost(ask: Truecost) -> None:
    def of(*options: str) -> dict[str, float]:
        asked = ("image", "sdxl", "--gpu", "H100-SXM-80GB", *options, "--json")
        [row] = json.loads(ask(*asked).stdout)
        return row

    market, one = of(), of("--provider", "lambda")
    dearer = one["usd_per_gpu_hour"] / market["usd_per_gpu_hour"]
    assert one["usd_per_1k_images"] == pytest.approx(market["usd_per_1k_images"] * dearer)
    assert one["provider_count"] == 1
    assert one["low"] == pytest.approx(one["high"])  # measured, and one price


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (("flux",), "is not one thing: flux.1-dev, flux.1-schnell"),
        (("gpt-4",), "unknown image model 'gpt-4'; there are:"),
        (("sd1.5",), "flux.1-schnell, sdxl, stable-diffusion-1.5"),
        (("flux.1-dev", "--gpu", "L4"), "of L4-24GB that holds flux.1-dev"),
    ],
)
def test_what_cannot_be_answered_is_one_line(
    ask: Truecost, arguments: tuple[str, ...], hint: str
) -> None:
    asked = ask("image", *arguments)
    assert (asked.exit_code, asked.stdout) == (2, "")
    line = asked.output.splitlines()[-1]  # the usage before it is left out by ``main``
    assert line.startswith("Error: ") and hint in line

"""The formulas of the calculators are those of cost_engine: random inputs through both."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from cost_engine import compute, lifecycle, ownership, prices
from cost_engine.serving import cost
from cost_engine.training import planning
from pipelines.site.assets import ASSETS
from pipelines.site.pages.calculators import FIGURES

NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="no Node.js here")
RUNS = 200
SIZES, VALUES = [2, 8, 64, 1024, 16384], [200.0, 30e3, 150e3, 1.5e6, 3e6]
Draw = Callable[[random.Random], list[Any]]


def wide(low: float, high: float) -> Callable[[random.Random], float]:
    """Return a draw that is even over magnitudes."""
    return lambda chance: low * (high / low) ** chance.random()


AMOUNT, USD, COUNT, SHARE = wide(1e3, 1e14), wide(0.01, 90.0), wide(1, 1e5), wide(0.01, 1.0)


def own(chance: random.Random) -> dict[str, float]:
    return {
        "purchase_usd": wide(500, 90e3)(chance), "board_power_watts": wide(70, 2e3)(chance),
        "usd_per_kwh": wide(0.01, 0.5)(chance), "network_fraction": chance.random() * 0.5,
        "interest_fraction": chance.choice([0.0, chance.random() * 0.3]),
        "lifetime_years": wide(1, 10)(chance), "residual_fraction": chance.random() * 0.9,
        "server_power_ratio": wide(1, 3)(chance), "pue": wide(1, 2)(chance),
        "average_power_fraction": SHARE(chance), "idle_power_fraction": chance.random() * 0.9,
        "space_usd_per_kilowatt_month": chance.random() * 400,
        "maintenance_fraction": chance.random() * 0.1, "team_usd_per_year": chance.random() * 5e6,
        "team_usd_per_gpu_year": chance.random() * 400,
    }  # fmt: skip


def draws(*of: Callable[[random.Random], Any]) -> Draw:
    return lambda chance: [one(chance) for one in of]


def planned(flops: float, gpus: int, peak: float, mfu: float, usd: float) -> dict[str, float]:
    plan = planning.plan(
        flops, gpus, peak_flops_per_second=peak, utilisation_fraction=mfu, usd_per_gpu_hour=usd
    )
    return {"gpu_hours": plan.gpu_hours, "days": plan.days, "usd": plan.usd}


def served_day(
    usd_in: float, usd_out: float, tokens_in: float, tokens_out: float, use: float
) -> float:
    blended = (usd_in * tokens_in + usd_out * tokens_out) / (tokens_in + tokens_out)
    million = cost.provisioned_usd_per_million_tokens(blended, use)
    return float(million * (tokens_in + tokens_out) / 1e6)


def whole(chance: random.Random) -> int:
    return int(COUNT(chance))


def months(chance: random.Random) -> int:
    return chance.randint(1, 48)


CASES: dict[str, tuple[Draw, Callable[..., Any]]] = {
    "training_flops": (draws(AMOUNT, AMOUNT), compute.training_flops),
    "optimal_parameters": (
        draws(wide(1e15, 1e28)), lambda flops: compute.optimal_parameters_and_tokens(flops)[0]
    ),
    "goodput_at": (draws(whole), planning.goodput_at),
    "gpu_hours": (draws(wide(1e18, 1e27), wide(1e13, 1e16), SHARE, SHARE), compute.gpu_hours),
    "training_plan": (draws(wide(1e18, 1e27), whole, wide(1e13, 1e16), SHARE, USD), planned),
    "reservation_multiplier": (draws(months, months, random.Random.random),
                               prices.reservation_multiplier),
    "break_even_months": (draws(months, USD, USD, random.Random.random), prices.break_even_months),
    "serving_usd_per_day": (draws(USD, USD, AMOUNT, AMOUNT, SHARE), served_day),
    "serving_usd_per_month": (
        draws(USD, USD),
        lambda day, replica: lifecycle.serving_usd_per_month(day, 1.0, replica),
    ),
    "break_even_tokens_per_day": (draws(USD, whole, USD), cost.break_even_tokens_per_day),
    "at_size": (draws(lambda _: SIZES, lambda _: VALUES, wide(1, 1e5)), ownership.at_size),
    "owned_usd_per_gpu_hour": (
        draws(own, whole, SHARE),
        lambda given, gpus, busy: ownership.Ownership(**given).usd_per_gpu_hour(gpus, busy),
    ),
    "break_even_utilisation": (
        draws(own, USD, whole),
        lambda given, usd, gpus: ownership.Ownership(**given).break_even_utilisation(usd, gpus),
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def asked() -> dict[str, list[list[Any]]]:
    return {
        name: [draw(random.Random(f"{name} {run}")) for run in range(RUNS)]
        for name, (draw, _) in CASES.items()
    }


@pytest.fixture(scope="module")
def in_script(asked: dict[str, list[list[Any]]]) -> dict[str, list[Any]]:
    """Return what the script computes, in one process; infinity as text."""
    program = (
        f"const formulas = require({json.dumps(str(ASSETS / 'formulas.js'))});"
        "const asked = JSON.parse(require('fs').readFileSync(0, 'utf8'));"
        "const found = Object.entries(asked).map(([name, runs]) =>"
        " [name, runs.map((given) => formulas[name](...given))]);"
        "const text = (key, value) => value === Infinity ? 'Infinity' : value;"
        "console.log(JSON.stringify([Object.keys(formulas), Object.fromEntries(found)], text));"
    )
    assert NODE is not None
    run = subprocess.run(
        [NODE, "-e", program], input=json.dumps(asked), capture_output=True, text=True, check=True,
        env={**os.environ, "TRUECOST_FIGURES": json.dumps(FIGURES)},
    )  # fmt: skip
    names, found = json.loads(run.stdout)
    parts = {"amount", "owned_fixed_usd_per_year", "owned_power_usd_per_year"}
    assert set(names) - parts == set(CASES)  # a new formula needs a case
    return dict(found)


@pytest.mark.parametrize("name", CASES)
def test_a_formula_of_the_script_is_that_of_the_engine(
    name: str, asked: dict[str, list[list[Any]]], in_script: dict[str, list[Any]]
) -> None:
    for given, found in zip(asked[name], in_script[name], strict=True):
        expected = CASES[name][1](*given)
        if isinstance(found, str):
            found = float(found)
        assert found == pytest.approx(expected, rel=1e-9), given

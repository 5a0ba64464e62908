"""``truecost napkin``: the article's figures, other models and prices, refusals."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from click.testing import CliRunner, Result

from cost_engine import napkin
from pipelines.cli import truecost
from warehouse.macros import run_formulas
from warehouse.models import SQL_FOLDER

Ask = Callable[..., Result]


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Ask:
    monkeypatch.setenv("TRUECOST_HOME", str(tmp_path))
    return lambda *arguments: CliRunner().invoke(truecost, ("napkin", *arguments))


def rows(result: Result) -> dict[str, dict[str, Any]]:
    assert result.exit_code == 0, result.output
    return {row["quantity"]: row for row in json.loads(result.stdout)}


def test_gpt_3_has_the_figures_of_the_article(ask: Ask) -> None:
    got = rows(ask("gpt-3-175b", "--json"))
    assert got["flops_per_request"]["value"] == pytest.approx(350e12, rel=0.03)
    assert got["usd_per_1k_tokens"]["low"] == pytest.approx(0.0002, rel=0.01)
    assert got["usd_per_1k_tokens"]["high"] == pytest.approx(0.0014, rel=0.01)
    assert got["training_usd"]["value"] == pytest.approx(560e3, rel=0.01)
    assert got["training_flops"]["value"] == pytest.approx(3.14e23, rel=0.01)
    assert got["request_on_a_cpu_core"]["value"] == pytest.approx(32, rel=0.05)
    assert got["request_on_one_gpu"]["value"] == pytest.approx(1.1, rel=0.05)
    assert got["training_on_one_gpu"]["value"] > 20


def test_a_mixture_computes_with_its_active_parameters_and_stores_all(ask: Ask) -> None:
    arguments = ("--tokens", "1T", "--price", "2", "--json")
    sparse = rows(ask("--parameters", "100B", "--active-parameters", "10B", *arguments))
    dense = rows(ask("--parameters", "10B", *arguments))
    assert sparse["training_usd"] == dense["training_usd"]
    assert sparse["weights_bf16"]["value"] == 10 * dense["weights_bf16"]["value"]


def test_pruning_and_two_bits_are_scenarios_of_their_own(ask: Ask) -> None:
    got = rows(ask("gpt-3-175b", "--gpu", "H100-SXM-80GB", "--price", "2", "--json"))
    sparse = got["scenario_sparse_usd_per_1k_tokens"]["value"]
    assert sparse == pytest.approx(got["usd_per_1k_tokens"]["value"] / 2, rel=1e-3)
    assert got["scenario_int2_weights"]["value"] == got["weights_bf16"]["value"] / 8
    assert got["scenario_int2_faster_at_most"]["value"] == 8
    old = rows(
        ask("gpt-3-175b", "--gpu", "V100-SXM-32GB", "--precision", "fp16", "--price", "1", "--json")
    )
    assert "scenario_int2_weights" in old
    assert "scenario_sparse_usd_per_1k_tokens" not in old


def test_a_model_without_training_tokens_has_no_training(ask: Ask) -> None:
    got = rows(ask("--parameters", "7B", "--price", "1", "--price", "4", "--json"))
    assert "training_usd" not in got
    assert got["usd_per_request"]["high"] == pytest.approx(4 * got["usd_per_request"]["low"])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "give a model or --parameters"),
        (("gpt-3-175b", "--parameters", "1B"), "one of the two"),
        (("gpt-4", "--price", "2"), "active parameters of gpt-4"),
        (("--parameters", "1B", "--precision", "fp8"), "has no fp8"),
        (("--parameters", "1B", *(["--price", "2"] * 3)), "a low and a high one"),
        (("--parameters", "1B", "--gpu", "H100-SXM-80GB"), "truecost run"),
    ],
)
def test_refusals_are_one_line(ask: Ask, arguments: tuple[str, ...], says: str) -> None:
    result = ask(*arguments)
    assert result.exit_code == 2, result.output
    assert says in str(result.exception or result.output) or says in result.output


def test_the_sql_macros_give_what_the_functions_give() -> None:
    with duckdb.connect() as connection:
        run_formulas(connection)
        connection.execute((SQL_FOLDER / "macros" / "napkin.sql").read_text(encoding="utf-8"))
        got = connection.sql(
            """
            select napkin_flops(175000000000, 1024), napkin_seconds(350e12, 312e12),
                napkin_usd(3.14e23, 312e12, 2), napkin_usd_per_1k_tokens(175e9, 312e12, 4, 0.5)
            """
        ).fetchall()[0]
    assert got == pytest.approx(
        (
            napkin.forward_flops(175e9, 1024),
            napkin.seconds_of(350e12, 312e12),
            napkin.usd_of(3.14e23, 312e12, 2.0),
            napkin.usd_per_1k_tokens(175e9, 312e12, 4.0, 0.5),
        )
    )

"""``truecost trend``: a line over models of one's own choice, and why there is none."""

import json
from datetime import date
from functools import partial

import duckdb
import pytest

from cost_engine.trends import decimal_year, fitted_trend
from pipelines.answers.trend import conditions_of
from tests.pipelines.clock import clock

MODELS = [
    ("Small", date(2020, 1, 1), "Lab A", 1e9, 40, True, 1e4),
    ("Ten", date(2021, 3, 1), "Lab A", 10e9, 9, False, 1e5),
    ("Hundred", date(2022, 6, 1), "Lab B", 100e9, 3, False, 3e6),
    ("Next", date(2023, 1, 15), "Lab A, Lab B", 200e9, 5, False, 9e6),
    ("Unknown size", date(2024, 2, 1), "Lab C", None, 2, False, 6e7),
]


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("home")
    (folder / "published").mkdir()
    with duckdb.connect(folder / "published" / "truecost.duckdb") as connection:
        connection.execute(clock("2026-11-20 06:00:00"))
        connection.execute(
            """
            create schema marts;
            create table core.training_run (model text, country text, parameters double);
            create table marts.training_cost (
                model text, method text, price_basis text, published_on date, organization text,
                training_flops double, compute_rank int, hardware text, gpu_id text,
                is_hardware_imputed boolean, gpu_hours double, gpu_hours_method text,
                confidence text, usd_real double, real_month text
            );
            """
        )
        for name, day, lab, size, rank, is_imputed, usd in MODELS:
            connection.execute("insert into core.training_run values (?, 'FR', ?)", [name, size])
            connection.execute(
                "insert into marts.training_cost values (?, 'amortized', 'clean', ?, ?, 1e20, ?,"
                " 'chip', null, ?, 1, 'reported', 'high', ?, '2025-06')",
                [name, day, lab, rank, is_imputed, usd],
            )
    return folder


@pytest.fixture
def answer(home, main_on):
    return partial(main_on, home, "trend")


def names(answer, *conditions):
    _, out, _ = answer(*(part for one in conditions for part in ("--where", one)), "--json")
    return [row["model"] for row in json.loads(out)["models"]]


def test_the_line_is_that_of_the_models_that_are_left(answer):
    status, out, _ = answer("--where", "compute_rank<=10", "--json", "--level", "0.95")
    got = json.loads(out)
    chosen = [row for row in MODELS if row[4] <= 10]
    line = fitted_trend([decimal_year(row[1]) for row in chosen], [row[-1] for row in chosen])
    assert status == 0 and got["model_count"] == 4
    assert got["growth_per_year"] == pytest.approx(line.growth_per_year)
    assert (got["ci_low"], got["ci_high"]) == pytest.approx(line.growth_interval(0.95))
    assert got["where"] == ["compute_rank<=10"]
    assert all(one["low"] < one["usd"] < one["high"] for one in got["projected"])


@pytest.mark.parametrize(
    ("condition", "left"),
    [
        ("organization~LAB A", ["Small", "Ten", "Next"]),
        ("published_on>=2021", ["Ten", "Hundred", "Next", "Unknown size"]),
        ("published_on < 2023-01-15", ["Small", "Ten", "Hundred"]),
        ("parameters>=10B", ["Ten", "Hundred", "Next"]),  # what is not known fulfils nothing
        ("is_hardware_imputed=no", ["Ten", "Hundred", "Next", "Unknown size"]),
        ("model!=small", ["Ten", "Hundred", "Next", "Unknown size"]),
    ],
)
def test_a_condition_leaves_what_fulfils_it(answer, condition, left):
    assert names(answer, condition) == left


@pytest.mark.parametrize(
    ("conditions", "hint"),
    [
        (["nonesuch=1"], "no such column; there are: model"),
        (["parameters"], "give COLUMN=VALUE"),
        (["parameters>=many"], "takes a number"),
        (["published_on>yesterday"], "takes a day"),
        (["is_hardware_imputed=perhaps"], "takes yes or no"),
        (["parameters~9"], "~ looks for a part of a text"),
        (["organization=Lab B"], "models left: 1;"),
        (
            ["compute_rank<=10", "organization=Lab C"],
            "without --where 'organization=Lab C' there are 4",
        ),
    ],
)
def test_what_gives_no_line_is_one_line_that_says_why(answer, conditions, hint):
    status, out, err = answer(*(part for one in conditions for part in ("--where", one)))
    assert (status, out) == (2, "") and hint in err and err.count("\n") == 1


def test_a_value_may_hold_signs():
    (one,) = conditions_of(["model~a=b"])
    assert (one.column, one.sign, one.text) == ("model", "~", "a=b")

"""``--currency``: all money is scaled by one rate, and nothing else changes."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
from click.testing import CliRunner, Result

from pipelines.answers.currency import Rate, converted, is_money
from pipelines.cli import truecost
from warehouse.database import POINTER
from warehouse.paths import Home
from warehouse.reports import read_reports

USD_PER_EUR = 1.25
BILL = Path(__file__).parents[2] / "fixtures" / "bill" / "focus.csv"
QUESTIONS = [
    ("offers", "H100-SXM-80GB"),
    ("quote", "--gpu", "H100-SXM-80GB", "-n", "8"),
    ("index", "H100-SXM-80GB"),
    ("flop", "H100-SXM-80GB"),
    ("infer", "llama-3.3-70b"),
    ("fit", "llama-3.3-70b"),
    ("train", "--parameters", "8B", "--tokens", "1T", "--gpus", "64"),
    ("train", "GPT-4"),
    ("budget", "llama-3.1-8b", "--tokens", "100M", "--requests-per-day", "20K"),
    ("own-vs-rent",),
    ("reserve", "--gpu", "H100-SXM-80GB", "--job-months", "6", "--commitment-months", "12"),
    ("compare", "H100-SXM-80GB", "B200-180GB"),
    ("compare", "verda", "runpod"),
    ("api", "llama-3.3-70b"),
    ("bill", str(BILL)),
]
# Of money, where the name does not say it and no unit stands beside it: the ends of its interval.
ENDS = {
    *("low", "high", "low_80", "high_80", "p10", "p90"),
    *("then_low", "then_high", "then_low_80", "then_high_80"),
    *("now_low", "now_high", "now_low_80", "now_high_80"),
}
# Ends of a share of all text, a fraction.
ENDS_OF_SHARES = {("text", "low"), ("text", "high")}


def with_rates(source: Home, folder: Path) -> None:
    """Copy a published home, with rates of the euro."""
    home = Home(folder / "home")
    shutil.copytree(source.root, home.root, symlinks=True)
    path = (home.published / POINTER).resolve()
    with duckdb.connect(path) as connection:
        connection.execute(
            "insert into staged.exchange_rate (currency, day, next_day, usd_per_unit) values"
            f" ('EUR', date '2026-08-07', null, {USD_PER_EUR}), ('EUR', date '2026-08-06', null, 9)"
        )


@pytest.fixture(scope="session")
def rates_home(answers_home: Home, tmp_path_factory: pytest.TempPathFactory) -> Home:
    folder = tmp_path_factory.mktemp("rates")
    with_rates(answers_home, folder)
    return Home(folder / "home")


@pytest.fixture
def asked(rates_home: Home, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("TRUECOST_HOME", str(rates_home.root))

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(truecost, arguments, env=dict(os.environ))

    return run


def leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(value, dict):
        for name, item in value.items():
            yield from leaves(item, (*path, name))
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield from leaves(item, (*path, str(place)))
    else:
        yield path, value


def units(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(value, dict):
        if isinstance(value.get("unit"), str):
            yield path, value["unit"]
        for name, item in value.items():
            yield from units(item, (*path, name))
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield from units(item, (*path, str(place)))


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: " ".join(question)[:30])
def test_all_money_is_scaled_and_nothing_else(asked: Any, question: tuple[str, ...]) -> None:
    dollars, euros = asked(*question, "--json"), asked(*question, "--currency", "eur", "--json")
    assert dollars.exit_code == euros.exit_code == 0, dollars.output + euros.output
    before, after = json.loads(dollars.stdout), json.loads(euros.stdout)
    for told in after if isinstance(after, list) else [after]:
        assert told.pop("currency") == {
            "code": "EUR", "usd_per_unit": USD_PER_EUR, "rate_day": "2026-08-07",
        }  # fmt: skip
    of_unit = dict(units(before))
    pairs = list(zip(leaves(before), leaves(after), strict=True))
    scaled = 0
    for (path, usd), (there, eur) in pairs:
        assert [re.sub(r"\beur\b|(?<=_)eur(?=_)|^eur(?=_)|(?<=_)eur$", "usd", part)
                for part in there] == list(path)  # fmt: skip
        unit = of_unit.get(path[:-1])
        is_amount = "usd" in path[-1].split("_") or path[-1].startswith("break_even_spend_")
        if unit is not None and path[-1] != "unit":
            is_figure = path[-1] in ENDS | {"value", "a", "b", "a_low", "a_high", "b_low", "b_high"}
            is_amount = unit.startswith("USD") and is_figure
        elif path[-1] in ENDS:
            is_amount = path not in ENDS_OF_SHARES
        if is_amount and isinstance(usd, (int, float)) and not isinstance(usd, bool):
            assert eur == pytest.approx(usd / USD_PER_EUR), path
            scaled += usd != 0
        elif path[-1] == "unit":
            assert eur == usd.replace("USD", "EUR")
        else:
            assert eur == usd, path
    assert scaled


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: " ".join(question)[:30])
def test_people_are_told_the_rate_and_its_day_once(asked: Any, question: tuple[str, ...]) -> None:
    answer = asked(*question, "--currency", "EUR")
    assert answer.exit_code == 0, answer.output
    assert answer.stdout.count("in EUR: 1 EUR = 1.2500 USD on 2026-08-07") == 1


def test_dollars_need_no_rate_and_change_nothing(asked: Any) -> None:
    question = ("offers", "H100-SXM-80GB", "--json")
    assert asked(*question, "--currency", "usd").stdout == asked(*question).stdout


def test_a_currency_without_a_rate_is_refused_with_those_there_are(asked: Any) -> None:
    answer = asked("offers", "H100-SXM-80GB", "--currency", "XXX")
    assert answer.exit_code == 2
    assert "no rate of 'XXX' up to 2026-08-10; there are: EUR, USD" in answer.output
    none = asked("offers", "H100-SXM-80GB", "--currency", "EUR", "--as-of", "2026-08-05")
    assert none.exit_code == 2
    assert "no rate of 'EUR' up to 2026-08-0" in none.output


def test_every_column_of_a_report_in_dollars_is_known_as_money() -> None:
    """Ends of an interval and values are those of their row; a cost of a bill is as billed."""
    of_row = ENDS | {"value", "then_value", "effective_low", "effective_high"}
    wrong = {
        (report.name, column.name)
        for report in read_reports().values()
        for column in report.columns
        if column.name not in of_row
        and is_money(column.name) != ("USD" in (column.unit or ""))
    }  # fmt: skip
    assert wrong == {("reports.bill_item", "cost")}


def test_figures_that_count_what_a_dollar_buys_grow() -> None:
    rate = Rate("EUR", 2.0, date(2026, 8, 7))
    found = converted({"usd": 3.0, "flop_per_usd": 3.0, "low": None, "ok_usd": True}, rate)
    assert found == {"eur": 1.5, "flop_per_eur": 6.0, "low": None, "ok_eur": True}

"""Questions from Python: the answers of the commands, as rows, Arrow and data frames."""

from __future__ import annotations

import inspect
import json
import os
from datetime import UTC, date, datetime
from importlib import import_module
from pathlib import Path
from typing import Any, get_type_hints

import click
import pytest

import truecost
from tests.pipelines.answers.test_pull import serving
from tests.pipelines.commands.conftest import Truecost as Command
from tests.pipelines.commands.test_bills import FOCUS, text_of
from truecost import options
from warehouse.database import POINTER
from warehouse.paths import Home
from warehouse.rows import plain

FACTS = {"moment", "currency", "private_prices"}
H100 = "H100-SXM-80GB"
# The same question in Python and on the command line.
QUESTIONS: dict[str, tuple[tuple[str, ...], dict[str, Any], tuple[str, ...]]] = {
    "offers": (("H100 SXM",), {"n": 8}, ("offers", "H100 SXM", "-n", "8")),
    "no offers": (("H100 SXM",), {"n": 7}, ("offers", "H100 SXM", "-n", "7")),
    "index": ((H100,), {"market_family": "neocloud"}, ("index", H100, "--market", "neocloud")),
    "flop": ((), {"min_providers": 2}, ("flop", "--min-providers", "2")),
    "infer": (
        ("llama-3.3-70b",),
        {"gpu": H100, "input": 2000},
        ("infer", "llama-3.3-70b", "--gpu", H100, "--input", "2000"),
    ),
    "fit": (
        ("deepseek-v3",),
        {"precision": "fp8", "data_center_only": True},
        ("fit", "deepseek-v3", "--precision", "fp8", "--data-center-only"),
    ),
    "train": (
        (),
        {"parameters": "70B", "tokens": 15e12, "n": 4096, "set": {"pue": 1.2}},
        ("train", "--parameters", "70B", "--tokens", "15T", "-n", "4096", "--set", "pue=1.2"),
    ),
    "own_vs_rent": ((), {"gpus": 64}, ("own-vs-rent", "--gpus", "64")),
    "reserve": (
        (),
        {"job_months": 2, "commitment_months": [12, 24]},
        ("reserve", "--job-months", "2", "--commitment-months", "12", "--commitment-months", "24"),
    ),
    "quote": (
        (H100,),
        {"n": 64, "months": 3},
        ("quote", "--gpu", H100, "-n", "64", "--months", "3"),
    ),
    "why": (
        ("gpu_price_index", H100, "on_demand", "neocloud"),
        {},
        ("why", "gpu_price_index", H100, "on_demand", "neocloud"),
    ),
}


@pytest.fixture
def prices(answers_home: Home) -> truecost.Truecost:
    return truecost.connect(answers_home.root)


def of_command(printed: str) -> list[dict[str, Any]]:
    """Return the rows of a command, without the facts that stand beside each."""
    answer = json.loads(printed)
    rows = answer if isinstance(answer, list) else [answer]
    return [{name: row[name] for name in row.keys() - FACTS} for row in rows]


@pytest.mark.parametrize("question", QUESTIONS)
def test_python_answers_what_the_command_answers(
    question: str, prices: truecost.Truecost, ask: Command
) -> None:
    values, chosen, arguments = QUESTIONS[question]
    answer = getattr(prices, question.split()[-1])(*values, **chosen)
    printed = ask(*arguments, "--json")
    found = list(answer) if answer.document is None else [answer.document]
    assert [plain(row) for row in found] == of_command(printed.stdout)
    assert answer.arrow().num_rows == len(answer.df()) == len(answer)
    if question != "no offers":
        assert len(answer) > 0
    stated = json.loads(printed.stdout)
    first = stated[0] if isinstance(stated, list) and stated else stated
    if first:
        assert answer.facts == {name: first[name] for name in FACTS & set(first)}


def test_a_past_day_is_answered_as_the_command_does(answers_home: Home, ask: Command) -> None:
    past = truecost.connect(answers_home.root, as_of=date(2026, 8, 5))
    printed = ask("offers", H100, "--as-of", "2026-08-05", "--json").stdout
    assert [plain(row) for row in past.offers(H100)] == of_command(printed)
    [(count,)] = [row.values() for row in past.sql("select count(*) from core.offer_price")]
    now = truecost.connect(answers_home.root)
    [(more,)] = [row.values() for row in now.sql("select count(*) from core.offer_price")]
    assert 0 < count < more


def test_a_bill_is_compared(prices: truecost.Truecost, ask: Command, tmp_path: Path) -> None:
    file = tmp_path / "bill.csv"
    file.write_text(text_of([FOCUS]))
    answer = prices.bill(file)
    assert [plain(row) for row in answer] == of_command(ask("bill", str(file), "--json").stdout)
    assert answer[0]["paid_usd"] == 550.4


def test_a_file_alone_answers_whatever_the_environment_says(
    answers_home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRUECOST_HOME", str(tmp_path / "nothing"))
    alone = tmp_path / "copy of it.duckdb"
    os.link((answers_home.published / POINTER).resolve(), alone)
    prices = truecost.connect(str(alone))
    assert prices.file == alone.resolve()
    assert len(prices.offers(H100)) == 15


def test_a_log_beside_a_file_is_refused(answers_home: Home, tmp_path: Path) -> None:
    alone = tmp_path / "copy.duckdb"
    os.link((answers_home.published / POINTER).resolve(), alone)
    alone.with_name("copy.duckdb.wal").write_bytes(b"changes that nobody published")
    with pytest.raises(truecost.RefusedError, match="was not published"):
        truecost.connect(alone)


def test_an_address_answers_as_the_file_does(answers_home: Home, tmp_path: Path) -> None:
    with serving(answers_home.published) as host:
        there = truecost.connect(f"{host}/truecost-one.duckdb", cache=tmp_path)
        with pytest.raises(truecost.RefusedError, match="status 404"):
            truecost.connect(f"{host}/truecost-two.duckdb", cache=tmp_path)
    assert tmp_path in there.file.parents
    assert list(there.offers(H100)) == list(truecost.connect(answers_home.root).offers(H100))


def test_times_have_a_zone_and_frames_have_types(prices: truecost.Truecost) -> None:
    answer = prices.sql(
        "select timestamp '2026-08-01 06:00' as seen_at, 1.5::decimal(9, 2) as usd,"
        " {'a': 1} as one, [1, 2] as several, null as nothing"
    )
    assert answer[0]["seen_at"] == datetime(2026, 8, 1, 6, tzinfo=UTC)
    assert answer[0]["usd"] == 1.5
    assert str(answer.arrow().schema.field("seen_at").type) == "timestamp[us, tz=UTC]"
    assert str(answer.df()["seen_at"].dt.tz) == "UTC"
    mixed = truecost.Answer(["value"], [(1,), ("text",), ({"a": 1},), (None,)])
    assert mixed.arrow().column(0).to_pylist() == ["1", '"text"', '{"a": 1}', None]


def test_polars_has_the_same_rows(prices: truecost.Truecost) -> None:
    pytest.importorskip("polars", reason="polars is not one of our dependencies")
    answer = prices.offers(H100)
    assert answer.pl().height == len(answer)


@pytest.mark.parametrize(
    ("question", "reason"),
    [
        (lambda prices: prices.offers("H100"), "not one thing"),
        (lambda prices: prices.offers("--help"), "unknown GPU"),
        (lambda prices: prices.offers(H100, nodes=2), "offers has no option 'nodes'; there are"),
        (lambda prices: prices.offers(H100, n=0), "x>=1"),
        (lambda prices: prices.offers(H100, n="8 --all"), "not a valid integer"),
        (lambda prices: prices.offers(H100, provider="--json"), "unknown provider"),
        (lambda prices: prices.infer(), "give a MODEL"),
        (lambda prices: prices.flop(currency="XXX"), "no rate of 'XXX'"),
        (lambda prices: prices.sql("drop table core.gpu"), "read-only"),
        (lambda prices: prices.sql("from core.gpus"), "there are: core."),
    ],
)  # fmt: skip
def test_a_bad_question_is_refused_in_one_line(
    question: Any, reason: str, prices: truecost.Truecost
) -> None:
    with pytest.raises(truecost.RefusedError) as refused:
        question(prices)
    assert reason in str(refused.value) and "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"as_of": "2036-01-01"}, "in the future"),
        ({"as_of": "yesterday"}, "not a time"),
        ({"known_on": "2026-08-01"}, "needs --as-of"),
        ({"path_or_url": __file__}, "is no published file"),
        ({"path_or_url": Path(__file__).parent}, "nothing is published"),
        ({"path_or_url": "/no/such"}, "there is no /no/such"),
    ],
)
def test_what_cannot_be_opened_is_refused_at_once(
    arguments: dict[str, Any], reason: str, answers_home: Home
) -> None:
    with pytest.raises(truecost.RefusedError, match=reason):
        truecost.connect(**({"path_or_url": answers_home.root} | arguments))


def test_every_typed_option_is_one_of_its_command() -> None:
    for name, method in inspect.getmembers(truecost.Truecost, inspect.isfunction):
        if name.startswith("_") or name == "sql":
            continue
        command: click.Command = getattr(import_module(f"pipelines.commands.{name}"), name)
        known = {option.name for option in command.params} | {"n"}
        typed = get_type_hints(vars(options)["".join(map(str.title, name.split("_"))) + "Options"])
        assert typed.keys() <= known, name
        assert method.__doc__

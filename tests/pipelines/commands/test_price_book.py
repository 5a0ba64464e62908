"""``--prices``: a book of list prices changes nothing, one's own prices count, and stay private."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from pipelines.answers.price_book_file import Price, PriceBookError, read_rows
from tests.pipelines.commands.conftest import Truecost
from warehouse.database import open_published
from warehouse.paths import Home

GPU = "H100-SXM-80GB"
ANSWERS = [
    ("offers", GPU, "--limit", "1000"),
    ("quote", "--gpu", GPU, "-n", "8", "--every-contract", "--limit", "50"),
    ("compare", GPU, "B200-180GB"),
    ("flop", GPU),
    ("infer", "llama-3.3-70b"),
    ("own-vs-rent",),
    ("train", "--parameters", "8B", "--tokens", "1T", "--gpus", "64"),
    ("reserve", "--gpu", GPU, "--job-months", "6"),
]
BILL = Path(__file__).parents[2] / "fixtures" / "bill" / "focus.csv"
# Where a price came from: of a private one the row of the book.
ORIGIN = {"source_id", "source_url", "payload", "private_prices", "moment"}


def book(folder: Path, rows: Sequence[dict[str, Any]], name: str = "book.csv") -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(Price.model_fields), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    path = folder / name
    path.write_text(out.getvalue(), encoding="utf-8")
    return str(path)


def answered(answer: Result) -> list[dict[str, Any]]:
    assert answer.exit_code == 0, answer.output
    rows: list[dict[str, Any]] = json.loads(answer.stdout)
    return rows


def without_origin(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: without_origin(item) for name, item in value.items() if name not in ORIGIN}
    if isinstance(value, list):
        return [without_origin(item) for item in value]
    return value


def close(one: Any, other: Any) -> None:
    """Hold two answers equal, figures to 12 digits: a price per node may be rounded in its last."""
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        for name in one:
            close(one[name], other[name])
    elif isinstance(one, list):
        assert len(one) == len(other)
        for left, right in zip(one, other, strict=True):
            close(left, right)
    elif isinstance(one, float):
        assert other == pytest.approx(one, rel=1e-12)
    else:
        assert one == other


@pytest.fixture(scope="session")
def list_book(answers_home: Home, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a book with every fresh list price that one row can name."""
    with open_published(answers_home) as connection:
        rows = connection.execute(
            "select provider_id, gpu_id, gpu_count, region, purchase_model, commitment_months,"
            " any_value(usd_per_gpu_hour) from marts.offers_latest"
            " where not is_witness and not is_stale and gpu_id is not null"
            " and market_family <> 'marketplace' group by all"
            " having count(distinct usd_per_gpu_hour) = 1 and region is not null"
            " or count(*) = 1 and region is null"
        ).fetchall()
    keys = (
        "provider",
        "gpu",
        "gpu_count",
        "region",
        "purchase_model",
        "commitment_months",
        "price",
    )
    priced = [dict(zip(keys, row, strict=True)) for row in rows]
    named = {(r["provider"], r["gpu"], r["gpu_count"], r["purchase_model"], r["commitment_months"])
             for r in priced if r["region"] is not None}  # fmt: skip
    # A row without a region would name all regions of the provider.
    kept = [
        r for r in priced
        if r["region"] is not None
        or (r["provider"], r["gpu"], r["gpu_count"], r["purchase_model"], r["commitment_months"])
        not in named
    ]  # fmt: skip
    assert len(kept) > 50
    return book(tmp_path_factory.mktemp("book"), kept)


@pytest.mark.parametrize("question", ANSWERS, ids=lambda question: " ".join(question)[:30])
def test_a_book_of_list_prices_changes_nothing(
    ask: Truecost, list_book: str, question: tuple[str, ...]
) -> None:
    plain, own = ask(*question, "--json"), ask(*question, "--prices", list_book, "--json")
    assert plain.exit_code == own.exit_code == 0, plain.output + own.output
    close(without_origin(json.loads(plain.stdout)), without_origin(json.loads(own.stdout)))


def test_a_price_of_ones_own_stands_in_for_the_list_price(ask: Truecost, tmp_path: Path) -> None:
    mine = book(tmp_path, [{"provider": "Lambda", "gpu": "h100 sxm", "price": 0.5}])
    rows = answered(ask("offers", GPU, "--prices", mine, "--json"))
    assert (rows[0]["provider_id"], rows[0]["usd_per_gpu_hour"]) == ("lambda", 0.5)
    assert (rows[0]["source_id"], rows[0]["source_url"]) == ("private", "book.csv:2")
    assert rows[0]["private_prices"]["price_count"] == 1
    [best, *_] = json.loads(
        ask("quote", "--gpu", GPU, "-n", "1", "--prices", mine, "--json").stdout
    )
    assert (best["provider_id"], best["source_id"]) == ("lambda", "private")
    told = ask("offers", GPU, "--prices", mine).stdout
    assert told.count("private prices of book.csv: 1 valid, 1 offers have one") == 1
    [lambdas, *_] = json.loads(
        ask("compare", "lambda", "crusoe", "--prices", mine, "--json").stdout
    )
    assert lambdas["private_prices"]["file"] == "book.csv"


def test_an_offer_that_no_list_has_is_one_more(ask: Truecost, tmp_path: Path) -> None:
    row = {"provider": "My Lab", "gpu": GPU, "gpu_count": 8, "price": 8.0, "per": "node_hour"}
    mine = book(tmp_path, [row])
    rows = answered(ask("offers", GPU, "-n", "8", "--prices", mine, "--json"))
    assert (rows[0]["provider_id"], rows[0]["usd_per_gpu_hour"]) == ("mylab", 1.0)
    assert rows[0]["usd_per_node_hour"] == 8.0


def test_a_set_of_ones_own_is_a_set_on_offer(ask: Truecost, tmp_path: Path) -> None:
    """Nobody else sells so many cheaply: tokens, plans and servers take the price of the book."""
    mine = book(tmp_path, [{"provider": "My Lab", "gpu": GPU, "gpu_count": 8, "price": 0.1}])

    def of_eight(*more: str) -> dict[str, Any]:
        rows = answered(ask("infer", "llama-3.3-70b", "--gpu", GPU, "-n", "8", "--json", *more))
        return rows[0]

    plain, own = of_eight(), of_eight("--prices", mine)
    assert own["set_provider_id"] == "mylab" != plain["set_provider_id"]
    assert own["set_usd_per_gpu_hour"] == pytest.approx(0.1)
    assert own["usd_per_1k_tokens"] < plain["usd_per_1k_tokens"]
    asked = ("train", "--parameters", "8B", "--tokens", "1T", "--gpus", "64", "--json")
    train = json.loads(ask(*asked, "--prices", mine).stdout)
    assert train["offers"][0]["provider_id"] == "mylab"


def test_a_bill_is_held_against_the_contract_of_its_day(ask: Truecost, tmp_path: Path) -> None:
    """Two days at Lambda for 3.99: one contract of 3.00 holds on the first, one on the second."""
    contract = {"provider": "Lambda", "gpu": GPU, "price": 3.0}
    other = contract | {"price": 1.0, "gpu_count": 4}  # nobody was billed for four

    def of_lambda(*rows: dict[str, Any]) -> dict[str, Any]:
        more = ("--prices", book(tmp_path, rows)) if rows else ()
        found = answered(ask("bill", str(BILL), "--json", *more))
        return next(row for row in found if row["service"] == "GPU Cloud")

    plain, always = of_lambda(), of_lambda(contract, other)
    first = of_lambda(contract | {"valid_to": "2026-08-09"}, other)
    second = of_lambda(contract | {"valid_from": "2026-08-10"}, other)
    assert always["paid_usd_per_gpu_hour"] == pytest.approx(3.99)
    assert always["market_usd_per_gpu_hour"] == pytest.approx(3.0)
    assert always["market"] == "book.csv:2"
    parts = first["market_usd_per_gpu_hour"] + second["market_usd_per_gpu_hour"]
    assert parts == pytest.approx(plain["market_usd_per_gpu_hour"] + 3.0)
    assert first["market"] == second["market"] == "book.csv:2 and index, neocloud"
    assert always["private_prices"]["price_count"] == 2
    assert "private_prices" not in plain


def test_the_middle_of_a_market_follows(ask: Truecost, tmp_path: Path) -> None:
    def middle(*more: str) -> float:
        rows = answered(ask("compare", GPU, "B200-180GB", *more, "--json"))
        by_basis = {row["basis"]: row["a"] for row in rows if row["figure"] == "price"}
        return float(by_basis["on_demand, neocloud, us"])

    cheaper = book(tmp_path, [{"provider": "lambda", "gpu": GPU, "price": 0.5}])
    assert middle("--prices", cheaper) < middle()


def test_a_discount_is_off_every_list_price_that_it_names(ask: Truecost, tmp_path: Path) -> None:
    def of_lambda(*more: str) -> dict[str, float]:
        answer = ask("offers", GPU, "--provider", "lambda", "--limit", "100", "--json", *more)
        return {row["sku"]: row["usd_per_gpu_hour"] for row in json.loads(answer.stdout)}

    off = book(tmp_path, [{"provider": "lambda", "discount_fraction": 0.25}])
    before, after = of_lambda(), of_lambda("--prices", off)
    assert before and after == {sku: pytest.approx(0.75 * usd) for sku, usd in before.items()}


def test_the_row_that_says_most_wins_and_days_count(ask: Truecost, tmp_path: Path) -> None:
    one = {"provider": "lambda", "gpu": GPU, "gpu_count": 1}
    rows = [
        one | {"price": 1.0},
        {"provider": "lambda", "gpu": GPU, "price": 2.0},
        one | {"price": 3.0, "valid_to": "2026-08-09"},
        {
            "provider": "lambda",
            "gpu": GPU,
            "gpu_count": 1,
            "price": 4.0,
            "valid_from": "2026-08-11",
        },
    ]
    answer = ask("offers", GPU, "-n", "1", "--provider", "lambda", "--json",
                 "--prices", book(tmp_path, rows))  # fmt: skip
    assert {row["usd_per_gpu_hour"] for row in json.loads(answer.stdout)} == {1.0}
    assert json.loads(answer.stdout)[0]["private_prices"]["price_count"] == 2


def test_a_book_counts_on_a_past_day_and_by_the_variable(
    ask: Truecost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = book(tmp_path, [{"provider": "lambda", "gpu": GPU, "price": 0.5}])
    then = json.loads(
        ask("offers", GPU, "--as-of", "2026-08-05", "--prices", mine, "--json").stdout
    )
    assert then[0]["usd_per_gpu_hour"] == 0.5
    monkeypatch.setenv("TRUECOST_PRICES", mine)
    assert answered(ask("offers", GPU, "--json"))[0]["usd_per_gpu_hour"] == 0.5


def test_yaml_says_the_same(ask: Truecost, tmp_path: Path) -> None:
    path = tmp_path / "book.yaml"
    path.write_text(f"prices:\n- provider: lambda\n  gpu: {GPU}\n  price: 0.5\n", encoding="utf-8")
    rows = answered(ask("offers", GPU, "--prices", str(path), "--json"))
    assert (rows[0]["usd_per_gpu_hour"], rows[0]["source_url"]) == (0.5, "book.yaml:2")


def test_nothing_is_written(ask: Truecost, answers_home: Home, tmp_path: Path) -> None:
    def contents() -> dict[str, str]:
        return {
            str(path): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in answers_home.root.rglob("*") if path.is_file()
        }  # fmt: skip

    before = contents()
    mine = book(tmp_path, [{"provider": "SECRETLAB", "gpu": GPU, "price": 0.123456}])
    assert ask("offers", GPU, "--prices", mine).exit_code == 0
    assert contents() == before
    assert "secretlab" not in ask("offers", GPU).stdout


HEADER = "provider,gpu,price,purchase_model,commitment_months,per,gpu_count,valid_from,valid_to\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "book.csv:1: column 'provider' is missing"),
        (HEADER, "book.csv has no rows"),
        (
            "provider,gpu,cost\na,b,1\n",
            "book.csv:1: column 'cost' is unknown; allowed: prov",
        ),
        ("provider,provider\na,b\n", "book.csv:1: column 'provider' is there twice"),
        (HEADER + "a,b\n", "book.csv:2: 2 cells, 9 columns"),
        (HEADER + ",H100,1,,,,,,\n", "book.csv:2: column provider is empty"),
        (HEADER + "a,H100,abc,,,,,,\n", "book.csv:2: column price holds 'abc'"),
        (HEADER + "a,H100,nan,,,,,,\n", "book.csv:2: column price holds 'nan'"),
        (HEADER + "a,H100,-1,,,,,,\n", "book.csv:2: column price holds '-1'"),
        (HEADER + "a,H100,1e400,,,,,,\n", "book.csv:2: column price holds '1e400'"),
        (HEADER + "a,H100,1,hourly,,,,,\n", "book.csv:2: column purchase_model holds 'hourly'"),
        (HEADER + "a,H100,1,reserved,,,,,\n", "commitment_months with purchase_model reserved"),
        (HEADER + "a,H100,1,,,node_hour,,,\n", "a gpu_count beside a price per node_hour"),
        (HEADER + "a,,1,,,,,,\n", "a gpu beside a price"),
        (HEADER + "a,H100,,,,,,,\n", "a price, or a discount_fraction"),
        (HEADER + "a,H100,1,,,,,2026-13-01,\n", "book.csv:2: column valid_from holds '2026-13-01'"),
        (
            HEADER + "a,H100,1,,,,,2026-02-01,2026-01-01\n",
            "a valid_from that is not after",
        ),
        (HEADER + 'a,"H100\n', "not CSV"),
    ],
)
def test_a_wrong_file_is_refused_by_row_and_column(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "book.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(PriceBookError) as refused:
        read_rows(path)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("payload", [b"\xff\xfe\x00", b"provider\n" + b"a" * (2**22 + 1)])
def test_bytes_that_are_no_text_or_too_many_are_refused(tmp_path: Path, payload: bytes) -> None:
    path = tmp_path / "book.csv"
    path.write_bytes(payload)
    with pytest.raises(PriceBookError):
        read_rows(path)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (
            {"provider": "lambda", "gpu": "h100", "price": 1},
            "book.csv:2: GPU 'h100' is not one",
        ),
        ({"provider": "lambda", "gpu": "zz9", "price": 1}, "book.csv:2: unknown GPU 'zz9'"),
        (
            {"provider": "lambda", "gpu": GPU, "price": 1, "currency": "XXX"},
            "book.csv:2: no rate of",
        ),
        ({"provider": "!!!", "gpu": GPU, "price": 1}, "book.csv:2: provider '!!!' is no name"),
    ],
)
def test_a_name_that_means_nothing_is_refused_by_its_row(
    ask: Truecost, tmp_path: Path, row: dict[str, Any], said: str
) -> None:
    answer = ask("offers", GPU, "--prices", book(tmp_path, [row]))
    assert answer.exit_code == 2
    assert said in answer.output
    gone = ask("offers", GPU, "--prices", str(tmp_path / "nothing.csv"))
    assert gone.exit_code == 2 and "nothing.csv" in gone.output

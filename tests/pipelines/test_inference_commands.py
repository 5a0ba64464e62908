"""``truecost infer`` and ``fit``: answers, and refusals that say what would work."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import duckdb
import pytest
from click.testing import CliRunner, Result

from pipelines.commands import inference as commands
from pipelines.costing import serving_reference as reference
from pipelines.past import Past
from warehouse.reference import reference_rows

Ask = Callable[..., Result]


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    made = duckdb.connect()
    for schema in ("core", "marts", "meta"):
        made.execute(f"create schema {schema}")
    for name, table in reference_rows().items():
        made.register("one", table)
        made.execute(f"create table {name} as from one")
    made.execute(
        """
        create table marts.gpu_price_daily as
        select gpu_id, date '2026-08-10' as day, 'on_demand' as purchase_model,
            null::int as commitment_months, 'all' as market_family,
            price::double as median_usd_per_gpu_hour, price::double * 0.8 as p10_usd_per_gpu_hour,
            price::double * 1.5 as p90_usd_per_gpu_hour, 3 as provider_count, 5 as offer_count
        from (values ('H100-SXM-80GB', 2.5), ('H200-SXM-141GB', 3.0), ('L4-24GB', 0.8),
            ('B200-180GB', 5.0), ('RTX4090-24GB', 0.4)) as t (gpu_id, price)
        """
    )
    made.execute(
        "create table marts.offers_latest as select * from (values ('H100-SXM-80GB', 8),"
        " ('H200-SXM-141GB', 8), ('L4-24GB', 8), ('B200-180GB', 8), ('RTX4090-24GB', 2))"
        " as t (gpu_id, gpu_count);"
        "create schema staged; create table staged.build_clock as"
        " select timestamp '2026-11-21 06:20' as now_at"
    )
    yield made
    made.close()


@pytest.fixture
def ask(connection: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch) -> Ask:
    @contextmanager
    def published(_past: Past | None) -> Iterator[duckdb.DuckDBPyConnection]:
        yield connection

    monkeypatch.setattr(commands, "published", published)

    def run(command: str, *arguments: str) -> Result:
        return CliRunner().invoke(getattr(commands, command), list(arguments))

    return run


def answer(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.output
    rows: list[dict[str, Any]] = json.loads(result.output)
    return rows


def test_infer_prints_the_cheapest_set_of_each_gpu_first(ask: Ask) -> None:
    rows = answer(ask("infer", "llama-3.3-70b", "--json"))
    costs = [row["usd_per_1k_tokens"] for row in rows]
    assert costs == sorted(costs)
    assert len({row["gpu_id"] for row in rows}) == len(rows)
    for row in rows:
        assert 0 < row["low"] < row["usd_per_1k_tokens"] < row["high"]
        assert row["tokens_per_second_per_user"] >= 25 * 0.999
        assert row["usd_per_1k_tokens_provisioned"] == pytest.approx(2 * row["usd_per_1k_tokens"])
        parts = 3 * row["usd_per_1k_input_tokens"] + row["usd_per_1k_output_tokens"]
        assert parts == pytest.approx(4 * row["usd_per_1k_tokens"])
        assert row["watt_hours_per_request"] == pytest.approx(4 * row["watt_hours_per_1k_tokens"])


def test_only_sets_that_some_machine_on_offer_has(ask: Ask) -> None:
    rows = answer(ask("infer", "llama-3.1-8b", "--gpu", "RTX4090-24GB", "--json"))
    assert {row["gpu_count"] for row in rows} == {1, 2}


def test_a_faster_pace_costs_more_and_no_pace_least(ask: Ask) -> None:
    costs = [
        answer(
            ask(
                "infer", "llama-3.3-70b", "--gpu", "h200-sxm", "--precision", "fp8", "-n", "8",
                "--tokens-per-second-per-user", pace, "--json",
            )
        )[0]["usd_per_1k_tokens"]
        for pace in ("0", "30", "60")
    ]  # fmt: skip
    assert costs == sorted(costs) and costs[0] < costs[2]


def test_a_cached_prefix_and_a_cleaner_grid_count(ask: Ask) -> None:
    plain = answer(ask("infer", "llama-3.3-70b", "--gpu", "h200-sxm", "--json"))[0]
    cached = answer(
        ask("infer", "llama-3.3-70b", "--gpu", "h200-sxm", "--cached", "0.8", "--json")
    )[0]
    assert cached["usd_per_request"] < plain["usd_per_request"]
    clean = answer(ask("infer", "llama-3.3-70b", "--gpu", "h200-sxm", "--country", "FR", "--json"))
    assert clean[0]["grams_co2e_per_1k_tokens"] < plain["grams_co2e_per_1k_tokens"]


def test_fit_prints_the_smallest_sets_cheapest_first(ask: Ask) -> None:
    rows = answer(
        ask(
            "fit",
            "llama-3.1-70b",
            "--context",
            "32768",
            "--precision",
            "fp8",
            "--sequences",
            "8",
            "--limit",
            "40",
            "--json",
        )
    )
    by_gpu = {row["gpu_id"]: row for row in rows}
    assert by_gpu["H100-SXM-80GB"]["gpu_count"] == 2  # 70.6 GB of weights, 8 x 5.4 GB of cache
    assert by_gpu["H200-SXM-141GB"]["gpu_count"] == 1
    priced = [row["usd_per_hour"] for row in rows if row["usd_per_hour"] is not None]
    assert priced == sorted(priced) and len(priced) == 5
    assert by_gpu["H100-SXM-80GB"]["usd_per_hour"] == pytest.approx(5.0)


def test_tables_for_people_print(ask: Ask) -> None:
    result = ask("infer", "gpt-oss-120b", "--limit", "3")
    assert result.exit_code == 0, result.output
    assert "median error" in result.output
    assert ask("fit", "gpt-oss-120b").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("infer", "llama-9"), "unknown model 'llama-9'"),
        (("infer", "gpt-4"), "not published"),
        (("infer", "llama-3.3-70b", "--gpu", "Q7"), "unknown GPU 'Q7'"),
        (("infer", "llama-3.3-70b", "--gpu", "h100"), "is not one thing"),
        (
            ("infer", "llama-3.3-70b", "--gpu", "l4-24gb", "--precision", "fp4"),
            "has no fp4; it has",
        ),
        (("infer", "llama-3.3-70b", "--precision", "fp3"), "unknown precision 'fp3'; there are"),
        (("infer", "llama-3.3-70b", "--input", "200000"), "reads at most 131,072 tokens"),
        (("infer", "kimi-k2", "--gpu", "rtx4090-24gb"), "does not fit on RTX4090-24GB; it fits on"),
        (
            ("infer", "llama-3.1-405b", "--gpu", "h100-sxm", "--tokens-per-second-per-user", "900"),
            "the most, with one user alone, is",
        ),
        (("infer", "llama-3.3-70b", "--purchase", "spot"), "try"),
        (("infer", "llama-3.3-70b", "--country", "XX"), "no grid intensity for 'XX'; there are"),
        (("infer", "llama-3.3-70b", "--gpu", "A100-SXM-80GB"), "there are prices of B200-180GB"),
        (("fit", "llama-3.1-8b", "--context", "999999"), "reads at most"),
        (("fit", "kimi-k2", "--gpu", "l4-24gb", "--precision", "bf16"), "it fits on"),
    ],
)
def test_refusals_are_one_line_that_says_what_would_work(
    ask: Ask, arguments: tuple[str, ...], says: str
) -> None:
    result = ask(*arguments)
    assert result.exit_code == 2, result.output
    assert says in " ".join(result.output.split())


def test_prices_of_the_fixture_are_those_of_the_newest_day(ask: Ask) -> None:
    rows = answer(ask("infer", "llama-3.1-8b", "--json"))
    assert {row["priced_on"] for row in rows} == {date(2026, 8, 10).isoformat()}
    assert reference.load_fit().rows > 400

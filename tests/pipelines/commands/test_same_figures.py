"""Command, query and site give the same figures for each of the twenty questions.

The commands and queries are those of docs/questions.md. Of the site the query of a page stands here
where a page answers the question. Figures are compared as sets of rows: what the query says must be
said by the others, too.
"""

from __future__ import annotations

import json
import os
import shlex
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from click.testing import CliRunner

from pipelines.cli import truecost
from pipelines.site.query import read_query
from tests.conftest import BuildOnce
from tests.pipelines.commands.conftest import without_parquet
from tests.pipelines.commands.test_questions import QUESTIONS
from warehouse import publication
from warehouse.confinement import admit, confined
from warehouse.database import open_published
from warehouse.paths import Home

Row = Mapping[str, Any]
Rows = Callable[[Any], Iterable[Row]]
GPU = "H100-SXM-80GB"


def as_they_are(answer: Any) -> Iterable[Row]:
    return answer


@dataclass(frozen=True)
class Pairing:
    """How the answer to one question is compared.

    Attributes
    ----------
    columns : str
        Of the query: what is compared, the names of a row included.
    of_command : callable
        The rows of the command's JSON under these names.
    site : str or None
        The query of a page that answers the question.
    of_site : callable
        Its rows under these names.
    values : mapping
        Parameters of the query of the site.
    is_whole : bool
        Whether the command says nothing else.
    is_page_of_more : bool
        Whether the page says more, or a part of the question.
    """

    columns: str
    of_command: Rows = as_they_are
    site: str | None = None
    of_site: Rows = as_they_are
    values: Mapping[str, Any] = field(default_factory=dict)
    is_whole: bool = True
    is_page_of_more: bool = False


def changes(rows: Iterable[Row]) -> Iterable[Row]:
    """Yield a row for each horizon of an index."""
    for row in rows:
        for days in (7, 30, 90, 365):
            change = row.get(f"change_{days}_days", row.get(f"change_{days}"))
            if change is not None and row.get("gpu_id", GPU) == GPU:
                yield {**row, "horizon_days": days, "change_fraction": change}


def spreads(rows: Iterable[Row]) -> Iterable[Row]:
    """Yield the lowest and the highest price of each tier."""
    of_tier = defaultdict(list)
    for row in rows:
        of_tier[row["market_tier"]].append(row)
    for tier, offers in of_tier.items():
        prices = [row["usd_per_gpu_hour"] for row in offers]
        yield {
            "market_tier": tier, "lowest": min(prices), "highest": max(prices),
            "spread": max(prices) / min(prices),
            "providers": len({row["provider_id"] for row in offers}),
        }  # fmt: skip


def cheapest_precisions(rows: Iterable[Row]) -> Iterable[Row]:
    """Yield the cheapest tokens of each precision, and what it saves."""
    cheapest: dict[str, float] = {}
    for row in rows:
        usd = row["usd_per_1k_tokens"]
        cheapest[row["precision"]] = min(usd, cheapest.get(row["precision"], usd))
    for precision, usd in cheapest.items():
        yield {
            "precision": precision, "usd_per_1k_tokens": usd,
            "against_dearest_fraction": usd / max(cheapest.values()) - 1,
        }  # fmt: skip


def ranked(rows: Iterable[Row]) -> Iterable[Row]:
    return (row for row in rows if row["is_ranked"])


def by_million(rows: Iterable[Row]) -> Iterable[Row]:
    for row in ranked(rows):
        million = {
            f"usd_per_1m_{side}_tokens": row[f"usd_per_1k_{side}_tokens"] * 1000
            for side in ("input", "output")
        }
        yield {**row, **million}


def of_deepseek(rows: Iterable[Row]) -> Iterable[Row]:
    for row in rows:
        if (row["model_id"], row["workload"]) == ("deepseek-v3", "balanced"):
            yield {**row, "usd_per_1k_tokens": row["usd_per_1m"] / 1000,
                   "usd_per_1m_input_tokens": row["usd_per_1m_input"],
                   "usd_per_1m_output_tokens": row["usd_per_1m_output"],
                   "low": row["low"] / 1000, "high": row["high"] / 1000}  # fmt: skip


def of_site_margins(rows: Iterable[Row]) -> Iterable[Row]:
    for row in rows:
        if row["model_id"] == "llama-3.3-70b" and not row["is_relisted"]:
            yield {**row, "usd_per_million_tokens_listed": row["listed"]}


def headroom(rows: Iterable[Row]) -> Iterable[Row]:
    yield {"mean_over_peak": 0.1,
           "usd_per_1k_tokens_provisioned": min(
               row["usd_per_1k_tokens_provisioned"] for row in ranked(rows))}  # fmt: skip


def of_site_headroom(rows: Iterable[Row]) -> Iterable[Row]:
    for row in rows:
        if row["peak_over_mean"] == 10:
            yield {"mean_over_peak": 0.1,
                   "usd_per_1k_tokens_provisioned": row["usd_per_1m_tokens"] / 1000}  # fmt: skip


def planned(answer: Row) -> Iterable[Row]:
    yield {"training_flops": answer["model"]["flops"], "usd": answer["plan"]["usd"]}


def of_site_plan(rows: Iterable[Row]) -> Iterable[Row]:
    """Yield the plan of a page, which leaves restarts out."""
    for row in rows:
        if (row["gpu_id"], row["cluster"]) == (GPU, 4096):
            assert row["utilisation_fraction"] == 0.26
            yield {"training_flops": 6.0 * 70e9 * 15e12, "usd": row["usd"] / 0.95}


def of_gpt_3(rows: Iterable[Row]) -> Iterable[Row]:
    return (row for row in rows if row["model"] == "GPT-3 175B (davinci)")


def energy(rows: Iterable[Row]) -> Iterable[Row]:
    for row in ranked(rows):
        what = f"a million tokens of {row['model_id']} on {row['gpu_id']}"
        yield {"what": what, "kwh": row["watt_hours_per_1k_tokens"],
               "carbon_kg": row["grams_co2e_per_1k_tokens"]}  # fmt: skip


COMPARED = {
    1: Pairing(
        "usd_per_gpu_hour, usd_per_node_hour, provider_id, region, source_url", is_whole=False,
        site="gpu/offers", values={"gpu_id": GPU}, is_page_of_more=True,
    ),
    2: Pairing(
        "market_family, horizon_days, change_fraction", changes, "market/index",
        lambda rows: changes(row for row in rows if row["purchase_model"] == "on_demand"),
    ),
    3: Pairing(
        "gpu_id, usd_per_exaflop_peak, usd_per_exaflop_effective, low, high,"
        " usd_per_gigabyte_hour, usd_per_terabyte_per_second_hour", ranked, "value/costs",
        lambda rows: (
            {"gpu_id": row["gpu_id"], "usd_per_exaflop_peak": row["peak"] / 3.6,
             "usd_per_exaflop_effective": row["effective"] / 3.6, "low": row["low"] / 3.6,
             "high": row["high"] / 3.6, "usd_per_gigabyte_hour": row["memory"] / 1000,
             "usd_per_terabyte_per_second_hour": row["bandwidth"]}
            for row in rows if (row["precision"], row["purchase_model"]) == ("fp8", "on_demand")
        ), is_page_of_more=True,
    ),
    4: Pairing(
        "market_tier, lowest, highest, spread, providers", spreads, "gpu/offers",
        lambda rows: spreads(
            row for row in rows
            if row["gpu_count"] == 8 and row["purchase_model"] == "on_demand"
            and not row["is_witness"] and not row["is_stale"]
        ),
        {"gpu_id": GPU},
    ),
    5: Pairing("precision, usd_per_1k_tokens, against_dearest_fraction", cheapest_precisions),
    6: Pairing("gpu_id, gpu_count, usd_per_hour, set_provider_id", ranked),
    7: Pairing(
        "gpu_id, gpu_count, precision, usd_per_1m_input_tokens, usd_per_1m_output_tokens,"
        " usd_per_1k_tokens, low, high, provider_count, set_provider_id, set_usd_per_gpu_hour",
        by_million, "inference/cheapest_sets", of_deepseek, {"level": "fast"},
    ),
    8: Pairing(
        "day, api_source_id, api_provider_id, api_model_id, usd_per_million_tokens_listed,"
        " margin_fraction, margin_low, margin_high", site="inference/margins",
        of_site=of_site_margins,
    ),
    9: Pairing(
        "model_id, api_source_id, api_provider_id, gpu_id, gpu_count, break_even_tokens_per_day",
        site="inference/margins", is_page_of_more=True,
    ),
    10: Pairing(
        "mean_over_peak, usd_per_1k_tokens_provisioned", headroom, "decide/headroom",
        of_site_headroom,
    ),
    11: Pairing("training_flops, usd", planned, "training/plan", of_site_plan),
    12: Pairing(
        "price_basis, method, usd_nominal, usd_real, low, high", lambda answer: answer["history"],
        "training/costs", of_gpt_3, {"method": "rental", "basis": "tracked_h100"}, is_whole=False,
        is_page_of_more=True,
    ),
    13: Pairing(
        "commitment_months, job_months, resale_fraction, multiplier",
        site="decide/reservations",
        of_site=lambda rows: (row for row in rows if row["gpu_id"] is None), is_page_of_more=True,
    ),
    14: Pairing(
        "gpu_id, gpu_count, rental_usd_per_gpu_hour, owned_usd_per_gpu_hour, low, high,"
        " break_even_utilisation_fraction, break_even_utilisation_low, break_even_month,"
        " break_even_spend_usd_per_year, probability_owning_is_cheaper",
        lambda answer: [answer], "decide/own_or_rent", is_page_of_more=True,
    ),
    15: Pairing("what, kwh, carbon_kg", energy),
    16: Pairing("gpu_id, provider_id, instance_count, usd_per_gpu_hour, reason"),
    17: Pairing(
        "growth_per_year, ci_low, ci_high, ci_level, model_count, r_squared",
        lambda answer: [answer], "training/growth", is_page_of_more=True,
    ),
    18: Pairing("provider_id, gpu_count, usd_per_gpu_hour", is_whole=False),
    19: Pairing(
        "provider_id, gpu_id, purchase_model, area, source_id, usd_per_gpu_hour,"
        " worst_source_id, worst_usd_per_gpu_hour, likely_cause", site="health/disagreements",
    ),
    20: Pairing(
        "gpu_id, purchase_model, market_family, reference_region, before_usd_per_gpu_hour,"
        " usd_per_gpu_hour, index_change_fraction",
        lambda answer: answer["sections"]["index_moves"],
    ),
}  # fmt: skip
ANSWERED: Mapping[int, Callable[[Row], bool]] = {
    2: lambda row: row["horizon_days"] != 1 and row["change_fraction"] is not None,
    10: lambda row: float(row["mean_over_peak"]) == 0.1,
    14: lambda row: (row["gpu_id"], row["gpu_count"]) == (GPU, 1024),
    15: lambda row: row["what"].startswith("a million"),
}
"""Rows of a query that the command, which is about one thing, answers."""


def told(rows: Iterable[Row], columns: Sequence[str]) -> set[tuple[Any, ...]]:
    """Return the compared cells of rows: floats to nine digits, times as text."""

    def cell(value: Any) -> Any:
        if isinstance(value, bool) or value is None or isinstance(value, str):
            return value
        is_number = isinstance(value, (int, float, Decimal))
        return float(f"{value:.9g}") if is_number else str(value)

    return {tuple(cell(row[column]) for column in columns) for row in rows}


def dictionaries(answer: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    names = [column[0] for column in answer.description or []]
    return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]


def compare(number: int, home: Home) -> None:
    """Compare command, query and site for one question."""
    question = next(one for one in QUESTIONS if int(one.number) == number)
    pairing = COMPARED[number]
    columns = pairing.columns.split(", ")
    with confined(open_published(home)) as connection:
        admit(connection, question.query)
        rows = dictionaries(connection.execute(question.query))
    is_answered = ANSWERED.get(number, lambda _: True)
    expected = told(filter(is_answered, rows), columns)
    _, *arguments = shlex.split(question.command)
    result = CliRunner().invoke(
        truecost, [*arguments, "--json"], env=os.environ | {"TRUECOST_HOME": str(home.root)}
    )
    assert result.exit_code == 0, result.output
    found = told(pairing.of_command(json.loads(result.stdout)), columns)
    if number == 18:  # the query has every price that was believed, witnesses and old ones too
        assert found
        assert found <= expected
        return
    assert expected
    assert expected <= found
    assert not pairing.is_whole or found == expected
    if pairing.site is None:
        return
    query = read_query(pairing.site)
    with open_published(home) as connection:
        shown = dictionaries(connection.execute(query.sql(**pairing.values)))
    on_page = told(pairing.of_site(shown), columns)
    assert on_page & expected
    assert pairing.is_page_of_more or on_page <= expected


def test_every_question_is_compared() -> None:
    assert sorted(COMPARED) == [int(question.number) for question in QUESTIONS]


@pytest.mark.parametrize("number", COMPARED)
def test_command_query_and_site_say_the_same_of_some_days(number: int, answers_home: Home) -> None:
    compare(number, answers_home)


NOTHING_MOVED = {2, 20}
"""Questions without an answer on two recorded days: no week lies between them, no index moved."""


@pytest.fixture(scope="module")
def recorded_home(build_once: BuildOnce, replay_server: str) -> Home:
    """Return a home that ran on two days of the recorded payloads."""

    def run(folder: Path) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("pipelines.derive.load.SNAPSHOT", folder / "no_snapshot")
            patch.setattr(publication, "export", without_parquet)
            patch.setenv("TRUECOST_HOME", str(folder / "home"))
            for day in ("2026-08-09", "2026-08-10"):
                mirror, now = f"{replay_server}/__asof/{day}", f"{day}T07:00:00Z"
                asked = ["run", "--quiet", "--mirror", mirror, "--now", now]
                done = CliRunner().invoke(truecost, asked)
                assert done.exit_code == 0, done.output

    return Home(build_once("recorded_answers", run) / "home")


@pytest.mark.recorded
@pytest.mark.parametrize("number", sorted(COMPARED.keys() - NOTHING_MOVED))
def test_command_query_and_site_say_the_same_of_recorded_payloads(
    number: int, recorded_home: Home
) -> None:
    compare(number, recorded_home)

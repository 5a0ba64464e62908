"""``--as-of D --known-on D``: what a home says today is what it said on day D.

A home lives through two runs and is copied between them. Asked as of the first run, the later home
must give the same tables and print the same answers as the copy does.
"""

from __future__ import annotations

import json
import shutil
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from click.testing import CliRunner, Result

from pipelines.answers.as_of import Past, derive_costs, open_past
from pipelines.cli import truecost
from pipelines.derive.check import check
from pipelines.derive.load import load
from pipelines.derive.make import make, phases
from pipelines.derive.release import publish_build
from tests.conftest import BuildOnce
from tests.pipelines.commands.conftest import copy_days, without_parquet
from warehouse import publication
from warehouse.database import open_published
from warehouse.models import read_models
from warehouse.paths import Home

THEN = date(2026, 8, 5)
RUNS = {
    THEN: {
        "gpu_rental_prices": "2026-08-05",
        "litellm": "2026-07-24",
        "gcp_pricing_yml": "2026-07-30",
    },
    # The second run receives an older answer too: its days are recomputed, and were not known then.
    date(2026, 8, 10): {"gpu_rental_prices": "2026-08-10 2026-07-10", "genai_prices": "2026-07-25"},
}
# What is asked; each with its own arguments. The others take no moment: they read no prices.
ANSWERS = (
    ("offers", "H100-SXM-80GB", "--all", "--purchase", "all", "--limit", "500"),
    ("index", "H100-SXM-80GB"),
    ("flop", "--limit", "500"),
    ("infer", "llama-3.3-70b"),
    ("fit", "llama-3.1-70b"),
    ("train", "GPT-4"),
    ("train", "--parameters", "7B", "--gpus", "64"),
    ("trend", "--where", "compute_rank<=10"),
    ("own-vs-rent",),
    ("reserve", "--job-months", "6", "--gpu", "H100-SXM-80GB"),
    ("reserve", "--job-months", "6", "--gpu", "H100-SXM-80GB", "--burst-gpu", "L40S"),
    ("digest", "--since", "2026-07-20", "--until", "2026-08-05"),
    ("status",),
    ("why", "gpu_price_index", "H100-SXM-80GB", "neocloud"),
    ("bill", str(Path(__file__).parents[2] / "fixtures" / "bill" / "focus.csv")),
    ("sql", "from marts.reconciliation order by all"),
)


def run_twice(folder: Path) -> None:
    """Run a home in ``folder/now`` twice; keep a copy of it after the first run in ``then``."""
    now, then = Home(folder / "now"), Home(folder / "then")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(publication, "export", without_parquet)
        for day, sources in RUNS.items():
            copy_days(now.root, {name: set(days.split()) for name, days in sources.items()})
            for ledger in now.root.glob("observations/*/*/*.ledger.json"):
                if day != THEN and ledger.parent.name < str(THEN):  # seen in July, recorded now
                    text = ledger.read_text()
                    seen = f'"recorded_at": "{ledger.parent.name}'
                    ledger.write_text(text.replace(seen, f'"recorded_at": "{day}'))
            at, run_id = datetime(day.year, day.month, day.day, 6, 20, tzinfo=UTC), f"run-{day}"
            load(now, now=at, run_id=run_id)
            order = phases(read_models())
            list(make(now, order))
            check(now, order.all)
            publish_build(now, run_id=run_id, now=at)
            if day == THEN:
                shutil.copytree(now.root, then.root, symlinks=True)


@pytest.fixture(scope="module")
def homes(build_once: BuildOnce) -> tuple[Home, Home]:
    """Return the home as it was after its first run, and the same home after the second."""
    folder = build_once("past", run_twice)
    return Home(folder / "then"), Home(folder / "now")


def asked(home: Home, arguments: tuple[str, ...]) -> Result:
    """Return what a command says in a home."""
    return CliRunner().invoke(truecost, arguments, env={"TRUECOST_HOME": str(home.root)})


def without_day_asked(said: Result) -> Any:
    """Return an answer without the day that was asked for, which only a past names."""
    answer = json.loads(said.stdout)
    for part in answer if isinstance(answer, list) else [answer]:
        if "moment" in part:
            part["moment"] = part["moment"] | {"as_of": None, "known_on": None}
    return answer


@pytest.mark.slow
def test_every_table_of_a_past_is_that_of_the_home_that_stopped_there(
    homes: tuple[Home, Home],
) -> None:
    unlike = []
    with (
        open_published(homes[0]) as live,
        open_published(homes[1]) as later,
        open_past(later, Past(THEN, THEN)) as past,
    ):
        derive_costs(past)
        for (table,) in live.execute(
            "select distinct schema_name || '.' || table_name from duckdb_columns()"
            " where database_name = current_database() and schema_name in ('marts', 'focus')"
        ).fetchall():
            with duckdb.connect() as compared:
                for name, rows in (("live", live), ("past", past)):
                    compared.register(name, rows.execute(f"from {table}").to_arrow_table())
                found = compared.execute(
                    "select (select count(*) from (from live except all from past)),"
                    " (select count(*) from (from past except all from live)),"
                    " (select count(*) from live)"
                ).fetchall()
            # Points of GPUs that were priced later are there too: they depend on no price.
            if found[0][:2] != (0, 0) and table != "marts.serving_point":
                unlike.append((table, found))
    assert unlike == []


@pytest.mark.slow
@pytest.mark.parametrize("arguments", ANSWERS, ids=lambda arguments: arguments[0])
def test_an_answer_of_the_past_is_what_was_printed_then(
    homes: tuple[Home, Home], arguments: tuple[str, ...]
) -> None:
    then = asked(homes[0], (*arguments, "--json"))
    again = asked(homes[1], (*arguments, "--as-of", str(THEN), "--known-on", str(THEN), "--json"))
    assert then.exit_code == again.exit_code == 0, then.output + again.output
    assert without_day_asked(again) == without_day_asked(then)
    assert json.loads(again.stdout)


@pytest.mark.slow
def test_what_was_heard_of_later_is_not_known_then(homes: tuple[Home, Home]) -> None:
    query = ("sql", "select distinct day from marts.gpu_price_daily order by 1", "--json")
    as_of = ("--as-of", "2026-08-05")
    known_now = json.loads(asked(homes[1], (*query, *as_of)).stdout)
    known_then = json.loads(asked(homes[1], (*query, *as_of, "--known-on", "2026-08-05")).stdout)
    assert {"day": "2026-07-10"} in known_now
    assert {"day": "2026-08-05"} in known_then
    assert {"day": "2026-07-10"} not in known_then


MOMENTS = (
    (("--as-of", "2020-01-01"), "nothing is known as of 2020-01-01"),
    (("--as-of", "2026-08-05", "--known-on", "2020-01-01"), "known since 20"),
    (("--as-of", "9999-12-31"), "is in the future"),
    (("--as-of", "2026-08-05", "--known-on", "2999-01-01"), "is in the future"),
    (("--as-of", "2026-02-30"), "'2026-02-30' is not a time"),
    (("--as-of", "yesterday"), "'yesterday' is not a time"),
    (("--as-of", "2026-08-05'; drop schema core cascade; --"), "is not a time"),
    (("--as-of", "2026-08-05", "--known-on", "2026-08-05' or '1'='1"), "is not a time"),
    (("--known-on", "2026-08-05"), "--known-on needs --as-of"),
)
# Every command refuses every moment; quickly tried are all moments of the first, and two of each.
REFUSALS = [
    pytest.param(
        arguments, moment, said,
        id=f"{arguments[0]} {' '.join(moment)}",
        marks=() if number == 0 or (number - place) % len(MOMENTS) < 2 else pytest.mark.slow,
    )
    for number, arguments in enumerate([*ANSWERS, ("site",)])
    for place, (moment, said) in enumerate(MOMENTS)
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "moment", "said"), REFUSALS)
def test_a_moment_that_cannot_be_answered_is_refused(
    answers_home: Home, arguments: tuple[str, ...], moment: tuple[str, ...], said: str
) -> None:
    result = asked(answers_home, (*arguments, *moment))
    assert result.exit_code == 2
    assert said in result.output
    assert result.stdout == ""


HOSTILE = (
    "copy (select 1) to '{published}.wal'",
    "copy marts.gpu_price_daily to '{published}.tmp/x.parquet'",
    "attach '{published}' as live",
    "from read_text('/etc/passwd')",
    "from read_blob('{published}')",
    "set enable_external_access = true",
    "create or replace table core.offer_price as select 1",
    "delete from core.offer_price",
    "call enable_logging('QueryLog', storage = 'file')",
    "explain analyze delete from core.offer_price",
    "select 1; drop schema core cascade",
)


@pytest.mark.slow
@pytest.mark.parametrize("statement", HOSTILE)
def test_a_past_is_no_way_round_the_limits_of_sql(homes: tuple[Home, Home], statement: str) -> None:
    home = homes[1]
    [published] = home.published.glob(f"truecost-run-{max(RUNS)}.duckdb")
    before = {path: path.stat().st_mtime_ns for path in home.root.rglob("*")}
    query = statement.format(published=published)
    result = asked(home, ("sql", query, "--as-of", str(THEN), "--known-on", str(THEN)))
    assert (result.exit_code, result.stdout) == (2, ""), result.output
    assert {path: path.stat().st_mtime_ns for path in home.root.rglob("*")} == before

"""``--as-of D --known-on D``: what a home says today is what it said on day D.

A home lives through two runs and is copied between them. Asked as of the first run, the later home
must give the same tables and print the same answers as the copy does.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner, Result

from pipelines import build, publishing
from pipelines.cli import truecost
from pipelines.past import Past, derive_costs, open_past
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
    # The second run hears an older answer too: its days are made again, and were not known then.
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
    ("own-vs-rent",),
    ("reserve", "--job-months", "6", "--gpu", "H100-SXM-80GB"),
    ("digest", "--since", "2026-07-20", "--until", "2026-08-05"),
    ("status",),
    ("why", "gpu_price_index", "H100-SXM-80GB", "neocloud"),
    ("bill", str(Path(__file__).parents[2] / "fixtures" / "bill" / "focus.csv")),
    ("sql", "from marts.reconciliation order by all"),
)


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Home, Home]]:
    """Return the home as it was after its first run, and the same home after the second."""
    now = Home(tmp_path_factory.mktemp("now"))
    then = Home(tmp_path_factory.mktemp("then") / "home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(publication, "_export", without_parquet)
        for day, sources in RUNS.items():
            copy_days(now.root, {name: set(days.split()) for name, days in sources.items()})
            for ledger in now.root.glob("observations/*/*/*.ledger.json"):
                if day != THEN and ledger.parent.name < str(THEN):  # seen in July, heard of now
                    text = ledger.read_text()
                    seen = f'"recorded_at": "{ledger.parent.name}'
                    ledger.write_text(text.replace(seen, f'"recorded_at": "{day}'))
            at, run_id = datetime(day.year, day.month, day.day, 6, 20, tzinfo=UTC), f"run-{day}"
            build.load(now, now=at, run_id=run_id)
            order = build.phases(read_models())
            list(build.make(now, order))
            build.check(now, order.all)
            publishing.publish_build(now, run_id=run_id, now=at)
            if day == THEN:
                shutil.copytree(now.root, then.root, symlinks=True)
    yield then, now


def asked(home: Home, arguments: tuple[str, ...]) -> Result:
    """Return what a command says in a home."""
    return CliRunner().invoke(truecost, arguments, env={"TRUECOST_HOME": str(home.root)})


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


@pytest.mark.parametrize("arguments", ANSWERS, ids=lambda arguments: arguments[0])
def test_an_answer_of_the_past_is_what_was_printed_then(
    homes: tuple[Home, Home], arguments: tuple[str, ...]
) -> None:
    then = asked(homes[0], (*arguments, "--json"))
    again = asked(homes[1], (*arguments, "--as-of", str(THEN), "--known-on", str(THEN), "--json"))
    assert then.exit_code == again.exit_code == 0, then.output + again.output
    assert json.loads(again.stdout) == json.loads(then.stdout)
    assert json.loads(again.stdout)


def test_what_was_heard_of_later_is_not_known_then(homes: tuple[Home, Home]) -> None:
    query = ("sql", "select distinct day from marts.gpu_price_daily order by 1", "--json")
    as_of = ("--as-of", "2026-08-05")
    known_now = json.loads(asked(homes[1], (*query, *as_of)).stdout)
    known_then = json.loads(asked(homes[1], (*query, *as_of, "--known-on", "2026-08-05")).stdout)
    assert {"day": "2026-07-10"} in known_now
    assert {"day": "2026-08-05"} in known_then
    assert {"day": "2026-07-10"} not in known_then


@pytest.mark.parametrize("arguments", [*ANSWERS, ("site",)], ids=lambda arguments: arguments[0])
@pytest.mark.parametrize(
    ("moment", "said"),
    [
        (("--as-of", "2026-07-01"), "nothing is known as of 2026-07-01"),
        (("--as-of", "2026-08-05", "--known-on", "2026-07-01"), "known since 2026-07-30 06:00Z"),
        (("--as-of", "9999-12-31"), "is in the future"),
        (("--as-of", "2026-08-05", "--known-on", "2999-01-01"), "is in the future"),
        (("--as-of", "2026-02-30"), "'2026-02-30' is no time"),
        (("--as-of", "yesterday"), "'yesterday' is no time"),
        (("--known-on", "2026-08-05"), "--known-on needs --as-of"),
    ],
)
def test_a_moment_that_cannot_be_answered_is_refused(
    homes: tuple[Home, Home], arguments: tuple[str, ...], moment: tuple[str, ...], said: str
) -> None:
    result = asked(homes[1], (*arguments, *moment))
    assert result.exit_code == 2
    assert said in result.output
    assert result.stdout == ""

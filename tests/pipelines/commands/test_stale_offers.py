"""A stale and a sold-out offer, cheaper than all others: they enter no answer, and stay visible.

A home is built from the same answers as the home of the other tests, with three rows more in one
of them: two that say that their price is of weeks ago, and one that says that it is sold out. Every
table and every answer must be that of the home without them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner

from pipelines.cli import truecost
from pipelines.site.build import build_site
from tests.conftest import BuildOnce
from tests.pipelines.commands import conftest
from tests.pipelines.commands.conftest import NOW
from warehouse.database import POINTER, open_published
from warehouse.paths import Home

pytestmark = pytest.mark.slow
GPU = "H100-SXM-80GB"
# provider -> price, when its origin showed it, whether it is sold out
EXTRA = {
    "idlecorp": (1.31, "2026-07-16 06:00:00+00", None),
    "soldcorp": (1.32, "2026-08-10 06:00:00+00", False),
    "hyperstack": (1.33, "2026-07-16 06:00:00+00", None),  # beside its fresh offers
}
# What may differ: where they stay visible, and what counts the rows read.
VISIBLE = {
    "marts.offers_latest", "marts.gpu_price_index_input", "marts.gpu_price_index_revision",
    "marts.source_agreement", "marts.reconciliation",
}  # fmt: skip
COUNTS = {"marts.gpu_price_index": "n_excluded"}
# Where a row without a value says why.
VALUES = {
    "marts.gpu_price_daily": "median_usd_per_gpu_hour",
    "marts.gpu_price_index": "usd_per_gpu_hour",
}


def add_rows(home: Path) -> None:
    """Add the rows to the newest answer of a feed."""
    [path] = (home / "observations" / "gpu_rental_prices" / "2026-08-10").glob("*.offer.parquet")
    with duckdb.connect() as connection:
        connection.execute(f"create table seen as from read_parquet('{path}')")
        for provider, (usd, shown_at, is_available) in EXTRA.items():
            for purchase, months in (("on_demand", None), ("reserved", 12)):
                connection.execute(
                    "insert into seen select * replace (? as provider_id, 'extra' as sku,"
                    " ?::decimal(38, 18) as price_amount, ?::timestamptz as source_time,"
                    " ?::boolean as is_available, ? as purchase_model, ? as commitment_months,"
                    " 8 as gpu_count, 'neocloud' as market_tier, 'gpu' as price_basis)"
                    " from (from seen where gpu_name_printed = 'h100-sxm'"
                    " and price_unit = 'hour' limit 1)",
                    [provider, usd, shown_at, is_available, purchase, months],
                )
        path.unlink()
        connection.execute(f"copy seen to '{path}'")


def publish_with_extra(folder: Path) -> None:
    """Publish the home of the other tests with the rows in it."""
    copied = conftest.copy_days

    def copy_and_add(target: Path, days: dict[str, set[str]]) -> None:
        copied(target, days)
        add_rows(target)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(conftest, "copy_days", copy_and_add)
        conftest.publish_days(folder)


@pytest.fixture(scope="module")
def extra_home(build_once: BuildOnce) -> Home:
    return Home(build_once("stale", publish_with_extra) / "home")


@pytest.fixture(scope="module")
def both(answers_home: Home, extra_home: Home) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        for name, home in (("without", answers_home), ("extra", extra_home)):
            path = (home.published / POINTER).resolve()
            connection.execute(f"attach '{path}' as {name} (read_only)")
        yield connection


def test_they_stay_visible_with_their_date(extra_home: Home) -> None:
    with open_published(extra_home) as connection:
        rows = connection.execute(
            "select provider_id, usd_per_gpu_hour, seen_at::date::text, is_stale, availability"
            " from marts.offers_latest where sku = 'extra' and purchase_model = 'on_demand'"
            " order by usd_per_gpu_hour"
        ).fetchall()
    assert rows == [
        ("idlecorp", 1.31, "2026-07-16", True, "unknown"),
        ("soldcorp", 1.32, "2026-08-10", False, "sold_out"),
        ("hyperstack", 1.33, "2026-07-16", True, "unknown"),
    ]


def test_no_table_takes_them(both: duckdb.DuckDBPyConnection) -> None:
    columns: dict[str, list[str]] = {}
    for table, column in both.execute(
        "select schema_name || '.' || table_name, column_name from duckdb_columns()"
        " where database_name = 'extra' and schema_name in ('marts', 'focus')"
    ).fetchall():
        if column != COUNTS.get(table):
            columns.setdefault(table, []).append(f'"{column}"')
    assert len(columns) > 30
    differing = []
    for table, names in sorted(columns.items()):
        if table in VISIBLE or table.startswith("focus."):
            continue
        chosen = ", ".join(names)
        given = f"{VALUES[table]} is not null" if table in VALUES else "true"
        for one, other in (("extra", "without"), ("without", "extra")):
            rows = both.execute(
                f"select {chosen} from {one}.{table} where {given}"
                f" except select {chosen} from {other}.{table} limit 1"
            ).fetchall()
            differing += [(table, one, row) for row in rows]
    assert differing == []


def test_the_index_lists_them_as_left_out(both: duckdb.DuckDBPyConnection) -> None:
    rows = both.execute(
        "select distinct provider_id, exclusion from extra.marts.gpu_price_index_input"
        f" where gpu_id = '{GPU}' and purchase_model = 'on_demand' and day = '2026-08-10'"
        " and exclusion in ('too_old', 'not_available') and provider_id in"
        " ('idlecorp', 'soldcorp', 'hyperstack') order by 1"
    ).fetchall()
    assert rows == [
        ("hyperstack", "too_old"), ("idlecorp", "too_old"), ("soldcorp", "not_available"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "arguments",
    [
        ("index", GPU),
        ("flop", "--limit", "50"),
        ("infer", "llama-3.3-70b"),
        ("fit", "llama-3.1-70b"),
        ("train", "--parameters", "7B", "--gpus", "64"),
        ("quote", "--gpu", GPU, "-n", "64", "--months", "3"),
        ("compare", GPU, "A100-SXM-80GB"),
        ("api", "llama-3.3-70b"),
        ("own-vs-rent",),
        ("reserve", "--job-months", "6", "--gpu", GPU),
        ("budget", "llama-3.1-8b", "--requests-per-day", "10000"),
        ("bill", str(Path(__file__).parents[2] / "fixtures" / "bill" / "focus.csv")),
    ],
    ids=lambda arguments: arguments[0],
)
def test_no_answer_takes_them(
    answers_home: Home, extra_home: Home, arguments: tuple[str, ...]
) -> None:
    printed = []
    for home in (answers_home, extra_home):
        asked = CliRunner().invoke(
            truecost, arguments, env={"TRUECOST_HOME": str(home.root), "TRUECOST_WEBHOOK": ""}
        )
        assert asked.exit_code == 0, asked.output
        printed.append(asked.stdout)
    assert printed[0] == printed[1]
    assert len(printed[0].splitlines()) > 3


def test_no_rule_of_an_alert_fires_on_them(extra_home: Home, tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text(
        f"rules:\n- {{gpu: {GPU}, below_usd: 1.5}}\n- {{gpu: {GPU}, below_usd: 100}}\n"
        f"- {{gpu: {GPU}, provider: idlecorp, below_usd: 100}}\n"
    )
    asked = CliRunner().invoke(
        truecost, ["alert", str(rules), "--json", "--as-of", "2026-08-10"],
        env={"TRUECOST_HOME": str(extra_home.root)},
    )  # fmt: skip
    assert asked.exit_code == 1, asked.output
    states = [rule["state"] for rule in json.loads(asked.stdout)["rules"]]
    assert states == ["quiet", "fired", "withheld"]


def test_the_digest_calls_no_stale_offer_new(extra_home: Home) -> None:
    asked = CliRunner().invoke(
        truecost, ["digest", "--since", "2026-08-09", "--json", "--no-webhook"],
        env={"TRUECOST_HOME": str(extra_home.root)},
    )  # fmt: skip
    assert asked.exit_code == 0, asked.output
    came = {
        (row["provider_id"], row["new_offers"], row["cheapest_new_usd_per_gpu_hour"])
        for row in json.loads(asked.stdout)["sections"]["offers"]
        if row["gpu_id"] == GPU
    }
    assert ("soldcorp", 1, None) in came  # visible, without a price that nobody can have
    assert "idlecorp" not in {provider for provider, _, _ in came}


def test_offers_shows_the_stale_one_only_when_asked_and_with_its_date(extra_home: Home) -> None:
    def offered(*options: str) -> dict[str, dict[str, object]]:
        asked = CliRunner().invoke(
            truecost, ["offers", GPU, "--json", *options],
            env={"TRUECOST_HOME": str(extra_home.root)},
        )  # fmt: skip
        assert asked.exit_code == 0, asked.output
        rows = json.loads(asked.stdout)
        return {row["provider_id"]: row for row in rows if row["usd_per_gpu_hour"] < 1.4}

    assert offered() == {}
    stale = offered("--all", "--include-stale", "--limit", "500")["idlecorp"]
    assert stale["is_stale"] is True
    assert str(stale["seen_at"]).startswith("2026-07-16")


def test_no_page_of_the_site_takes_them_but_the_list_of_offers(
    extra_home: Home, tmp_path: Path
) -> None:
    report = build_site(extra_home, tmp_path / "site", now=NOW.astimezone(UTC))
    naming = {
        path.relative_to(report.folder).as_posix()
        for path in report.folder.rglob("*.html")
        if "idlecorp" in path.read_text(encoding="utf-8")
    }
    # The first page fades what its provider has not confirmed.
    assert naming == {"gpu/h100-sxm-80gb.html", "index.html"}

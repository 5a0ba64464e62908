"""The build on small payloads: from bytes in landing to rows that people read."""

from __future__ import annotations

import io
import itertools
import json
import shutil
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa
import pytest
from click.testing import CliRunner

from pipelines.answers.verify import wrong_prices
from pipelines.capture.landing import Landing
from pipelines.capture.manifest import Capture, RequestRecord
from pipelines.cli import truecost
from pipelines.derive.check import check
from pipelines.derive.load import as_utc, load
from pipelines.derive.make import Phases, make, phases
from pipelines.derive.rebuild import carry_over, lost_decisions
from pipelines.derive.release import ChecksFailedError, publish_build
from pipelines.reading.reader import parse_captures
from pipelines.site.query import read_query
from tests.pipelines.commands.conftest import phases_behind, without_parquet
from warehouse import quality
from warehouse.database import open_build, open_published
from warehouse.models import SQL_FOLDER, read_models
from warehouse.paths import Home
from warehouse.reference import bundled
from warehouse.reference.tables import reference_rows
from warehouse.reports import ReportRows, run_report

DAY_1 = datetime(2026, 7, 1, 6, tzinfo=UTC)
DAY_2 = datetime(2026, 7, 2, 6, tzinfo=UTC)
DAY_3 = datetime(2026, 7, 3, 6, tzinfo=UTC)
DAY_4 = datetime(2026, 7, 4, 6, tzinfo=UTC)

Prices = dict[tuple[str, str], float]
FIXTURES = Path(__file__).parents[2] / "fixtures/sources"


def runpod(prices: Prices) -> bytes:
    """Return an answer of RunPod's API with these prices by (id, tier)."""
    ids = sorted({name for name, _ in prices})
    types = [
        {
            "id": name,
            "displayName": name.removeprefix("NVIDIA "),
            "memoryInGb": 48 if "L40S" in name else 80,
            "secureCloud": True,
            "communityCloud": True,
            "securePrice": prices.get((name, "secure"), 0),
            "communityPrice": prices.get((name, "community"), 0),
        }
        for name in ids
    ]
    return json.dumps({"data": {"gpuTypes": types}}).encode()


def land(home: Home, source_id: str, key: str, at: datetime, content: bytes | None) -> None:
    """Put one capture of one request into landing and observations; None is a failed one."""
    landing = Landing(home)
    kept = landing.keep(source_id, at.date(), io.BytesIO(content)) if content else None
    record = RequestRecord(
        key=key,
        scope=key,
        url="https://api.example.test/prices",
        method="POST",
        question=key,
        outcome="ok" if kept else "failed",
        status=200 if kept else 500,
        sha256=kept.sha256 if kept else None,
        path=kept.path if kept else None,
        bytes=kept.bytes if kept else 0,
        content_type="application/json",
        started_at=at,
        finished_at=at,
        attempts=1,
        error_class=None if kept else "http_error",
        error=None if kept else "HTTP 500",
    )
    filed = landing.record(
        Capture(
            source_id=source_id,
            capture_id="",
            seen_at=at,
            recorded_at=at,
            status="ok" if kept else "failed",
            requests=(record,),
        )
    )
    parse_captures(home, [filed])


@cache
def price_tables() -> Phases:
    """Return the tables that prices go through: a third of all, and enough for most tests."""
    return phases_behind(
        "marts.offers_latest", "marts.gpu_price_daily", "marts.gpu_price_index_revision"
    )


def run(home: Home, at: datetime, run_id: str, order: Phases | None = None) -> None:
    """Build and publish the tables of prices, or others, without the cost engine."""
    order = order or price_tables()
    load(home, now=at, run_id=run_id)
    list(make(home, order))
    check(home, order.all)
    publish_build(home, run_id=run_id, now=at)


def history_macros(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the macros that read no table of the cost engine."""
    connection.execute((SQL_FOLDER / "macros" / "history.sql").read_text())


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """Return an empty home; the cost engine, the snapshot and Parquet stay out of these tests."""
    monkeypatch.setattr("pipelines.derive.make.DERIVATIONS", {})
    monkeypatch.setattr("pipelines.derive.make.run_macros", history_macros)
    monkeypatch.setattr("pipelines.derive.load.SNAPSHOT", tmp_path / "no_snapshot")
    monkeypatch.setattr("warehouse.publication.export", without_parquet)
    return Home(tmp_path / "data")


@pytest.fixture
def ask(home: Home) -> Callable[[str], list[tuple[object, ...]]]:
    """Return a way to ask the published file."""

    def asked(query: str) -> list[tuple[object, ...]]:
        with open_published(home) as connection:
            return connection.execute(query).fetchall()

    return asked


H100 = "NVIDIA H100 80GB HBM3"
A100 = "NVIDIA A100-SXM4-80GB"


def test_a_price_on_a_page_becomes_a_standing_offer(home: Home, ask) -> None:
    land(home, "runpod", "gpu_types", DAY_1, runpod({(H100, "secure"): 2.526775}))
    run(home, DAY_1, "one")
    assert ask(  # to the last digit
        "select gpu_id, provider_id, usd_per_gpu_hour, purchase_model, is_stale, source_kind"
        " from marts.offers_latest"
    ) == [("H100-SXM-80GB", "runpod", 2.526775, "on_demand", False, "api")]


def test_the_same_run_twice_adds_no_row_and_changes_no_table(home: Home, ask) -> None:
    content = runpod({(H100, "secure"): 2.69, (A100, "community"): 1.19})
    land(home, "runpod", "gpu_types", DAY_1, content)
    run(home, DAY_1, "one")
    queries = [
        "from core.offer_price order by all",
        "from marts.gpu_price_daily order by all",
        "select * exclude (asked_at, seen_at, age_hours) from marts.offers_latest order by all",
    ]
    first = [ask(query) for query in queries]
    land(home, "runpod", "gpu_types", DAY_1.replace(hour=7), content)
    run(home, DAY_1.replace(hour=7), "two")
    assert [ask(query) for query in queries] == first


def test_a_moved_price_closes_one_interval_and_opens_another(home: Home, ask) -> None:
    land(home, "runpod", "gpu_types", DAY_1, runpod({(H100, "secure"): 2.69}))
    run(home, DAY_1, "one")
    land(home, "runpod", "gpu_types", DAY_2, runpod({(H100, "secure"): 2.49}))
    run(home, DAY_2, "two")
    believed = ask(
        "select usd_per_gpu_hour, valid_from::date::text, valid_to::date::text"
        " from core.offer_price where superseded_at is null order by valid_from"
    )
    assert believed == [(2.69, "2026-07-01", "2026-07-02"), (2.49, "2026-07-02", None)]
    assert ask("select usd_per_gpu_hour from as_of('2026-07-02', '2026-07-01')") == [(2.69,)]
    assert ask(
        "select day::text, median_usd_per_gpu_hour from marts.gpu_price_daily"
        " where market_family = 'all' order by day"
    ) == [("2026-07-01", 2.69), ("2026-07-02", 2.49)]


def test_a_vanished_offer_ends_and_a_failed_capture_ends_nothing(home: Home, ask) -> None:
    land(
        home, "runpod", "gpu_types", DAY_1, runpod({(H100, "secure"): 2.69, (A100, "secure"): 1.49})
    )
    run(home, DAY_1, "one")
    land(home, "runpod", "gpu_types", DAY_2, None)
    run(home, DAY_2, "two")
    assert ask("select count(*) from marts.offers_latest") == [(2,)]
    assert ask(
        "select status, seen_at::date::text, error_class from meta.source_status"
        " where source_id = 'runpod' order by asked_at desc limit 1"
    ) == [("failed", "2026-07-01", "http_error")]
    land(home, "runpod", "gpu_types", DAY_3, runpod({(H100, "secure"): 2.69}))
    run(home, DAY_3, "three")
    assert ask("select gpu_id from marts.offers_latest") == [("H100-SXM-80GB",)]


@pytest.mark.parametrize(("days", "is_stale"), [(3, False), (4, True)])
def test_an_offer_is_stale_72_hours_after_its_last_good_answer(
    home: Home, ask, days: int, is_stale: bool
) -> None:
    land(home, "runpod", "gpu_types", DAY_1, runpod({(H100, "secure"): 2.69}))
    run(home, DAY_1, "one")
    land(home, "runpod", "gpu_types", DAY_1 + timedelta(days=days), None)
    run(home, DAY_1 + timedelta(days=days), "two")
    assert ask("select is_stale, age_hours from marts.offers_latest") == [(is_stale, 24.0 * days)]


def feed_of(*offers: tuple[str, str], generated: str) -> bytes:
    """Return a file of gpu_rental_prices: (GPU, when its price was fetched) for each offer."""
    rows = [
        {
            "provider": "runpod",
            "gpu": gpu,
            "vram_gb": 80,
            "usd_hr": 2.69,
            "kind": "secure",
            "source_url": "https://www.runpod.io/pricing",
            "fetched_at": fetched,
        }
        for gpu, fetched in offers
    ]
    return json.dumps({"date": generated[:10], "generated_at": generated, "offers": rows}).encode()


def test_each_offer_of_a_feed_is_as_old_as_its_own_row_says(home: Home, ask) -> None:
    feed = feed_of(
        ("h100-sxm", "2026-07-01T05:00:00Z"),
        ("a100-sxm", "2026-06-20T06:00:00Z"),
        generated="2026-07-01T05:30:00Z",
    )
    land(home, "gpu_rental_prices", "latest", DAY_1, feed)
    run(home, DAY_1, "one")
    assert ask(
        "select asked_at, seen_at::text, is_stale from marts.offers_latest order by seen_at"
    ) == [
        (DAY_1.replace(tzinfo=None), "2026-06-20 06:00:00", True),
        (DAY_1.replace(tzinfo=None), "2026-07-01 05:00:00", False),
    ]


@pytest.mark.parametrize(
    ("source_id", "key", "content", "is_frozen"),
    [
        ("litellm", "prices", b'{"m": {"mode": "chat", "litellm_provider": "openai",'
         b' "input_cost_per_token": 1e-6, "output_cost_per_token": 2e-6}}', True),
        ("linode", "types", None, False),
    ],
)  # fmt: skip
def test_a_feed_whose_bytes_stand_still_is_frozen_and_a_price_list_is_confirmed(
    home: Home, ask, source_id: str, key: str, content: bytes | None, is_frozen: bool
) -> None:
    fixture = Path(__file__).parents[2] / "fixtures/sources" / source_id / f"{key}.json"
    for days in (0, 6, 7):
        at = DAY_1 + timedelta(days=days)
        land(home, source_id, key, at, content or fixture.read_bytes())
        run(home, at, str(days))
    statuses = ask(
        "select status, content_age_hours from meta.source_status"
        f" where source_id = '{source_id}' order by asked_at"
    )
    assert [status == "frozen" for status, _ in statuses] == [False, False, is_frozen]
    assert {hours for _, hours in statuses} == {7 * 24}
    with open_published(home) as connection:  # whoever tells the state of a source tells the same
        told = [run_report(connection, "status"), run_report(connection, "digest_sources")]
        health = connection.execute(read_query("health/sources").select)
        told.append(ReportRows(tuple(name for name, *_ in health.description), health.fetchall()))
    for place in told:
        rows = [dict(zip(place.columns, row, strict=True)) for row in place.rows]
        found = {row["status"] for row in rows if row["source_id"] == source_id}
        assert (found == {"frozen"}) is is_frozen
    if not is_frozen:
        assert ask("select distinct age_hours, is_stale from marts.offers_latest") == [(0, False)]


def test_a_payload_that_cannot_be_read_leaves_the_last_good_rows(home: Home, ask) -> None:
    land(home, "runpod", "gpu_types", DAY_1, runpod({(H100, "secure"): 2.69}))
    run(home, DAY_1, "one")
    land(home, "runpod", "gpu_types", DAY_2, b"<html>Before you continue</html>")
    run(home, DAY_2, "two")
    assert ask("select count(*) from marts.offers_latest") == [(1,)]
    status, sha256 = ask(
        "select status, payload_sha256 from meta.source_status"
        " where source_id = 'runpod' order by asked_at desc limit 1"
    )[0]
    assert status == "failed"
    assert Landing(home).verify(str(sha256))


def test_a_price_in_a_currency_without_a_rate_is_held_not_read_as_dollars(home: Home, ask) -> None:
    servers = {"H100-1-80G": {"gpu": 1, "hourly_price": 2.73, "ncpus": 24, "ram": 240000000000}}
    land(home, "scaleway", "fr-par-2", DAY_1, json.dumps({"servers": servers}).encode())
    run(home, DAY_1, "one")
    assert ask("select count(*) from core.offer_price") == [(0,)]
    assert ask("select rule, source_id from meta.quarantine") == [("no_exchange_rate", "scaleway")]


def test_every_table_and_column_of_the_published_file_has_a_comment(home: Home) -> None:
    land(home, "runpod", "gpu_types", DAY_1, runpod({(H100, "secure"): 2.69}))
    run(home, DAY_1, "one", phases(read_models()))
    with open_published(home) as connection:
        bare = connection.execute(
            "select table_name, column_name from duckdb_columns()"
            " where schema_name in ('core', 'marts', 'focus') and comment is null"
            " and table_name not like '%\\_capture' escape '\\'"
            " and table_name not like '%\\_open' escape '\\'"
            " and table_name not like '%\\_closed' escape '\\'"
        ).fetchall()
    assert bare == []


def test_a_failing_check_keeps_what_was_published(home: Home, ask) -> None:
    land(home, "runpod", "gpu_types", DAY_1, runpod({(H100, "secure"): 2.69}))
    run(home, DAY_1, "one")
    load(home, now=DAY_2, run_id="two")
    order = price_tables()
    list(make(home, order))
    with duckdb.connect(home.build_database) as connection:
        connection.execute("update marts.offers_latest set usd_per_gpu_hour = -1")
    check(home, order.all)
    with pytest.raises(
        ChecksFailedError, match=r"marts\.offers_latest, every offer has a price above zero: 1"
    ):
        publish_build(home, run_id="two", now=DAY_2)
    assert ask("select usd_per_gpu_hour from marts.offers_latest") == [(2.69,)]


def days_to_check(home: Home) -> list[tuple[object, ...]]:
    with open_build(home) as connection:
        return connection.execute("select distinct day from staged.affected_day").fetchall()


def test_days_are_checked_until_they_pass_and_again_when_a_formula_changes(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = price_tables()

    def wrong_days() -> list[tuple[object, ...]]:
        check(home, order.all)
        with open_build(home) as connection:
            return connection.execute(
                "select wrong_rows from meta.check_result where wrong_rows > 0"
            ).fetchall()

    def set_price(usd: float, day: date) -> None:
        with open_build(home) as connection:
            connection.execute(
                "update marts.gpu_price_daily set min_usd_per_gpu_hour = ? where day = ?",
                [usd, day],
            )

    for number, day in enumerate((DAY_1, DAY_2)):
        land(home, "runpod", "gpu_types", day, runpod({(H100, "secure"): 2.69 + number}))
        load(home, now=day, run_id=f"{day:%d}")
        list(make(home, order))
        if day == DAY_1:
            assert wrong_days() == [] == days_to_check(home)
    assert days_to_check(home) == [(DAY_2.date(),)]
    set_price(-1.0, DAY_2.date())
    assert wrong_days() == [(2,)]
    assert days_to_check(home) == [(DAY_2.date(),)]  # and so again in the next build
    set_price(3.69, DAY_2.date())
    assert wrong_days() == [] == days_to_check(home)
    set_price(-1.0, DAY_1.date())
    assert wrong_days() == []  # no build has touched that day
    monkeypatch.setattr("pipelines.derive.check.derivation_version", lambda: "other formulas")
    assert wrong_days() == [(2,)]


def test_a_machine_that_never_heard_an_answer_starts_from_the_snapshot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    donor = Home(tmp_path / "donor")
    land(donor, "runpod", "gpu_types", DAY_1, runpod({(H100, "secure"): 2.69}))
    monkeypatch.setattr("pipelines.derive.load.SNAPSHOT", donor.root)
    monkeypatch.setattr("pipelines.derive.make.DERIVATIONS", {})
    monkeypatch.setattr("pipelines.derive.make.run_macros", history_macros)
    home = Home(tmp_path / "data")
    report = load(home, now=DAY_3, run_id="one")
    assert report.from_snapshot
    list(make(home, price_tables()))
    with duckdb.connect(home.build_database) as connection:
        rows = connection.execute(
            "select usd_per_gpu_hour, seen_at::date::text, is_stale from marts.offers_latest"
        ).fetchall()
    assert rows == [(2.69, "2026-07-01", False)]


def test_the_snapshot_counts_as_of_the_clock_of_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    donor, home, lines = Home(tmp_path / "donor"), Home(tmp_path / "data"), []
    for day, price in ((DAY_2, 2.69), (DAY_3, 2.79)):
        land(donor, "runpod", "gpu_types", day, runpod({(H100, "secure"): price}))
    monkeypatch.setattr("pipelines.derive.load.SNAPSHOT", donor.root)

    def known(now: datetime) -> list[object]:
        load(home, now=now, run_id=f"{now:%j}", say=lines.append)
        with duckdb.connect(home.build_database) as connection:
            rows = connection.execute(
                "select usd_per_gpu_hour from core.offer_price where superseded_at is null"
                " and valid_to is null"
            ).fetchall()
        return [float(price) for (price,) in rows]

    assert known(DAY_1) == []
    assert "begins after" in lines[-1]
    assert known(DAY_2) == [2.69]
    assert lines[-1].endswith(f"{DAY_2:%F} to {DAY_2:%F}")
    assert known(DAY_3) == [2.79]
    before = len(lines)
    assert known(DAY_3) == [2.79]
    assert len(lines) == before


def test_a_price_that_is_accepted_counts_after_the_next_build(home: Home, ask) -> None:
    land(home, "runpod", "gpu_types", DAY_1, runpod({(H100, "secure"): 2.69}))
    run(home, DAY_1, "one")
    land(home, "runpod", "gpu_types", DAY_2, runpod({(H100, "secure"): 26.9}))
    run(home, DAY_2, "two")
    assert ask("select usd_per_gpu_hour from marts.offers_latest") == [(2.69,)]
    held = ask("select held_id, rule from meta.quarantine where state = 'held' order by rule")
    assert held
    unknown = CliRunner().invoke(
        truecost,
        ["quarantine", "accept", "zzz", "--reason", "x"],
        env={"TRUECOST_HOME": str(home.root)},
    )
    assert unknown.exit_code == 2 and "nothing is held under 'zzz'" in unknown.output
    for held_id, _ in held:
        with open_build(home) as connection:
            at = DAY_3.replace(tzinfo=None)
            assert quality.decide(connection, str(held_id), "accepted", "seen on the page", at) == 1
    run(home, DAY_3, "three")
    assert ask("select usd_per_gpu_hour from marts.offers_latest") == [(26.9,)]
    assert ask("select usd_per_gpu_hour from as_of('2026-07-02', '2026-07-02')") == [(2.69,)]
    assert ask("select usd_per_gpu_hour from as_of('2026-07-02', '2026-07-03')") == [(26.9,)]
    assert ask("select distinct state, reason from meta.quarantine_audit") == [
        ("accepted", "seen on the page")
    ]


CORRECTION = {
    "correction_id": "runpod-h100-july",
    "source_id": "runpod",
    "provider_id": "runpod",
    "sku": "",
    "gpu_name_printed": "NVIDIA H100 80GB HBM3",
    "region": "",
    "purchase_model": "on_demand",
    "field": "price_amount",
    "as_published": "2.69",
    "corrected": "2.99",
    "unit": "USD per GPU and hour",
    "first_on": "2026-07-01",
    "last_on": "",
    "reason": "the answer lags behind the page",
    "source_url": "https://www.runpod.io/pricing",
    "retrieved_on": "2026-07-03",
}


@pytest.fixture
def correct(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return what makes the file of corrections hold these rows, by what differs in them."""

    def correct(*rows: dict[str, str]) -> None:
        content = {
            "columns": list(CORRECTION),
            "rows": [list((CORRECTION | row).values()) for row in rows],
        }
        documents = bundled().with_content("price_corrections.csv", content)
        monkeypatch.setattr("pipelines.derive.reference_tables._documents", lambda _: documents)
        monkeypatch.setattr(
            "pipelines.derive.reference_tables.reference_version", lambda: documents.digest()
        )

    return correct


def load_h100(home: Home, day: datetime, usd: float = 2.69) -> None:
    """Land a price of the H100 on a day, and load it an hour later."""
    land(home, "runpod", "gpu_types", day, runpod({(H100, "secure"): usd}))
    load(home, now=day + timedelta(hours=1), run_id=f"{day:%d}")


def believed(home: Home, on: str, known: str = "2026-08-01") -> list[tuple[object, ...]]:
    """Return what was believed of a moment: price, amount, GPUs and correction."""
    with duckdb.connect(home.build_database) as connection:
        return connection.execute(
            "select usd_per_gpu_hour, price_amount::double, gpu_count, correction_id"
            " from core.offer_price where valid_from <= $on and coalesce(valid_to > $on, true)"
            " and recorded_at <= $known and coalesce(superseded_at > $known, true)",
            {"on": on, "known": known},
        ).fetchall()


PRINTED = [(2.69, 2.69, 1, None)]
CORRECTED = [(2.99, 2.99, 1, "runpod-h100-july")]


def test_a_corrected_price_counts_from_the_build_that_knows_it(home: Home, correct) -> None:
    load_h100(home, DAY_1)
    load_h100(home, DAY_2)
    assert believed(home, "2026-07-02 06:00") == PRINTED
    correct({"first_on": "2026-07-02"})
    load(home, now=DAY_3, run_id="corrected")
    assert believed(home, "2026-07-01 06:00") == PRINTED
    assert believed(home, "2026-07-02 06:00", known="2026-07-03 05:00") == PRINTED
    assert believed(home, "2026-07-02 06:00") == CORRECTED
    load_h100(home, DAY_3, 2.69)
    assert believed(home, "2026-07-03 06:00") == CORRECTED
    correct()
    load(home, now=DAY_4, run_id="withdrawn")
    assert believed(home, "2026-07-03 06:00") == PRINTED
    assert believed(home, "2026-07-03 06:00", known="2026-07-04 05:00") == CORRECTED


def test_captures_are_read_again_once_for_a_correction(home: Home, correct) -> None:
    def captures() -> list[tuple[object, ...]]:
        with duckdb.connect(home.build_database) as connection:
            return connection.execute("from core.offer_capture order by all").fetchall()

    load_h100(home, DAY_1)
    assert len(captures()) == 1
    correct({})
    for day in (DAY_2, DAY_3):
        load(home, now=day, run_id=f"again-{day:%d}")
        assert [row[4] for row in captures()] == [as_utc(DAY_1), as_utc(DAY_2)]


def test_a_corrected_count_changes_the_price_of_one_gpu(home: Home, correct) -> None:
    correct({"field": "gpu_count", "as_published": "1", "corrected": "2", "unit": "GPUs"})
    load_h100(home, DAY_1)
    load(home, now=DAY_2, run_id="again")
    assert believed(home, "2026-07-01 06:00") == [(2.69, 2.69, 2, "runpod-h100-july")]


def test_a_correction_is_about_one_offer_one_figure_and_its_days(home: Home, correct) -> None:
    others = (
        {"as_published": "2.79"},
        {"sku": "another"},
        {"gpu_name_printed": "A100 SXM"},
        {"region": "EU", "last_on": "2026-07-01"},
        {"purchase_model": "spot"},
        {"provider_id": "vast"},
        {"source_id": "vast"},
        {"first_on": "2026-07-02"},
        {"first_on": "2026-06-01", "last_on": "2026-06-30"},
    )
    correct(*({"correction_id": str(n), "sku": H100} | one for n, one in enumerate(others)))
    load_h100(home, DAY_1)
    load(home, now=DAY_2, run_id="again")
    assert believed(home, "2026-07-01 06:00") == PRINTED


def test_commands_tell_which_prices_are_corrected_and_which_corrections_no_offer_has(
    home: Home, correct, monkeypatch: pytest.MonkeyPatch
) -> None:
    load_h100(home, DAY_1)
    correct({}, {"correction_id": "of-no-offer", "as_published": "2.79"})
    run(home, DAY_2, "corrected")
    monkeypatch.setenv("TRUECOST_HOME", str(home.root))

    def told(*arguments: str) -> str:
        found = CliRunner().invoke(truecost, arguments)
        assert found.exit_code == 0, found.output
        return " ".join(found.output.split())

    sentence = (
        "runpod-h100-july: price_amount 2.69 printed, 2.99 counts, USD per GPU and hour: the answer"
        " lags behind the page (https://www.runpod.io/pricing)"
    )
    assert f"Corrected: {sentence}." in told("offers", "H100-SXM-80GB")
    [offer] = json.loads(told("offers", "H100-SXM-80GB", "--json"))
    assert offer["correction_id"] == "runpod-h100-july"
    assert f"Corrected: {sentence}" in told("why", "core.offer_price", "H100-SXM-80GB")
    steps = json.loads(told("why", "core.offer_price", "H100-SXM-80GB", "--json"))
    assert [step["detail"] for step in steps if step["step"] == "correction"] == [sentence]
    with open_published(home) as connection:  # the printed price is in landing, not the corrected
        assert wrong_prices(connection, Landing(home), 10) == (1, 0, [])
    status = told("status")
    assert "Correction that no offer has: of-no-offer: price_amount 2.79 printed" in status
    assert "runpod-h100-july" not in status


def test_a_price_that_a_rule_held_counts_once_it_is_corrected(home: Home, correct) -> None:
    load_h100(home, DAY_1)
    load_h100(home, DAY_2, 26.9)
    assert believed(home, "2026-07-02 06:00") == PRINTED
    correct({"as_published": "26.9"})
    load(home, now=DAY_3, run_id="corrected")
    assert believed(home, "2026-07-02 06:00") == CORRECTED


def test_a_rebuild_knows_the_same_corrections_at_the_same_time(home: Home, correct) -> None:
    for day, rows in [(DAY_1, []), (DAY_2, [{}]), (DAY_3, [{"corrected": "3.09"}]), (DAY_4, [])]:
        correct(*rows)
        load_h100(home, day)

    def history(home: Home) -> list[tuple[object, ...]]:
        with duckdb.connect(home.build_database) as connection:
            return connection.execute("from core.offer_price order by all").fetchall()

    assert len(history(home)) > 3
    again = Home(home.root / "again")
    shutil.copytree(home.landing, again.landing)
    shutil.copytree(home.observations, again.observations)
    with open_build(again) as connection:
        carry_over(connection, home.build_database)
    load(again, now=DAY_4 + timedelta(hours=1), run_id="rebuilt")
    assert history(again) == history(home)


def list_of(usd_per_token: float) -> bytes:
    model = {
        "mode": "chat",
        "litellm_provider": "acme",
        "input_cost_per_token": usd_per_token,
        "output_cost_per_token": 2 * usd_per_token,
    }
    return json.dumps({"acme/m": model}).encode()


def test_a_token_price_that_is_accepted_counts_after_the_next_build(home: Home, ask) -> None:
    believed = (
        "select usd_per_million_input_tokens from core.api_price where superseded_at is null"
        " and valid_to is null"
    )
    for day, usd in ((DAY_1, 1e-6), (DAY_2, 1e-5)):
        land(home, "litellm", "prices", day, list_of(usd))
        run(home, day, f"{day:%d}")
    assert ask(believed) == [(1,)]
    [(held_id, rule)] = ask("select held_id, rule from meta.quarantine")
    assert rule == "price_jump"
    with open_build(home) as connection:
        at = DAY_3.replace(tzinfo=None)
        assert quality.decide(connection, str(held_id), "accepted", "on the page", at) == 1
    run(home, DAY_3, "three")
    assert ask(believed) == [(10,)]
    states = "select usd_per_million_input_tokens, recorded_at::date::text from core.api_price"
    history = sorted(ask(states))
    again = Home(home.root / "again")
    shutil.copytree(home.landing, again.landing)
    shutil.copytree(home.observations, again.observations)
    with open_build(home) as old, open_build(again) as new:
        audit = old.execute("from meta.quarantine_audit").arrow()
        new.execute("create schema if not exists meta")
        new.register("audit", audit)
        new.execute("create table meta.quarantine_audit as from audit")
    run(again, DAY_3, "rebuilt")
    with duckdb.connect(again.build_database) as connection:
        assert sorted(connection.execute(states).fetchall()) == history


def test_what_was_decided_holds_in_a_rebuild_and_other_held_rows_are_entered_once(
    home: Home, ask, tmp_path: Path
) -> None:
    usual = {(H100, "secure"): 2.69, (A100, "secure"): 1.39, ("L40S", "secure"): 0.86}
    odd = usual | {(H100, "secure"): 26.9, (A100, "secure"): 13.9}
    for number, (day, prices) in enumerate([(DAY_1, usual), (DAY_2, odd)]):
        land(home, "runpod", "gpu_types", day, runpod(prices))
        run(home, day, f"day-{number}")
    held = (
        "select json_extract_string(row_json, '$.gpu_id') as gpu_id, held_id, state"
        " from meta.quarantine where gpu_id is not null order by all"
    )
    by_gpu = {gpu: held_id for gpu, held_id, _ in ask(held)}
    assert set(by_gpu) == {"A100-SXM-80GB", "H100-SXM-80GB"}
    for state, gpu in (("accepted", "H100-SXM-80GB"), ("rejected", "A100-SXM-80GB")):
        with open_build(home) as connection:
            at = DAY_3.replace(tzinfo=None)
            assert quality.decide(connection, str(by_gpu[gpu]), state, "looked", at) == 1
    run(home, DAY_3, "decided")
    run(home, DAY_3 + timedelta(days=1), "later")  # which repeats no decision

    def history(ask: Callable[[str], list[tuple[object, ...]]]) -> list[list[tuple[object, ...]]]:
        return [
            ask("select * exclude (run_id) from meta.quarantine order by all"),
            ask("select * exclude (run_id) from meta.capture order by all"),
            ask("from meta.quarantine_audit order by all"),
            ask("from core.offer_price order by all"),
        ]

    found = history(ask)
    assert [state for *_, state in ask(held)] == ["rejected", "accepted"]
    prices = "select gpu_id, usd_per_gpu_hour from as_of('2026-07-02', '{}') order by 2 desc"
    undecided = [("H100-SXM-80GB", 2.69), ("A100-SXM-80GB", 1.39), ("L40S-48GB", 0.86)]
    assert ask(prices.format("2026-07-02")) == undecided
    assert ask(prices.format("2026-07-03")) == [("H100-SXM-80GB", 26.9), *undecided[1:]]

    again = Home(tmp_path / "again")
    shutil.copytree(home.observations, again.observations)
    with open_build(again) as connection:
        carry_over(connection, home.build_database)
        load(again, now=DAY_3 + timedelta(days=1), run_id="again")
    with duckdb.connect(str(again.build_database)) as connection:
        assert history(lambda query: connection.execute(query).fetchall()) == found
        assert lost_decisions(connection) == 0


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_a_declared_break_ends_the_offers_of_a_part_that_is_read_no_more(
    home: Home, ask, order: tuple[int, ...]
) -> None:
    load(home, now=DAY_1, run_id="reference")
    with open_build(home) as connection:
        connection.execute(
            "insert into core.method_break (source_id, break_on, settled_on, ended_request_key)"
            " values ('runpod', '2026-07-02', '2026-07-02', 'old')"
        )
    captures = [
        ("old", DAY_1 - timedelta(days=1), {(H100, "secure"): 2.99, (A100, "secure"): 1.39}),
        ("old", DAY_1, {(H100, "secure"): 2.69, (A100, "secure"): 1.39}),
        ("gpu_types", DAY_3, {(H100, "secure"): 2.49}),
    ]
    for number in order:
        key, day, prices = captures[number]
        land(home, "runpod", key, day, runpod(prices))
        load(home, now=DAY_3 + timedelta(days=1), run_id=str(number))
    with open_build(home) as connection:
        rows = connection.execute(
            "select request_key, usd_per_gpu_hour, valid_from::date::text, valid_to::date::text"
            " from core.offer_price where superseded_at is null"
        ).fetchall()
    assert sorted(rows) == [
        ("gpu_types", 2.49, "2026-07-03", None),
        ("old", 1.39, "2026-06-30", "2026-07-02"),
        ("old", 2.69, "2026-07-01", "2026-07-02"),
        ("old", 2.99, "2026-06-30", "2026-07-01"),
    ]


BREAK = {
    "source_id": "runpod",
    "break_on": date(2026, 7, 2),
    "settled_on": date(2026, 7, 3),
    "change": "per card",
}
BREAKS = (
    "select day::text, method_break from marts.gpu_price_daily where market_family = 'all'"
    " order by all"
)
BROKEN = [
    ("2026-07-01", None),
    ("2026-07-02", "runpod: per card"),
    ("2026-07-03", "runpod: per card"),
    ("2026-07-04", None),
]


def declare(monkeypatch: pytest.MonkeyPatch, *breaks: dict[str, object]) -> None:
    """Declare these breaks of method, from the next load on."""
    reference = reference_rows()
    schema = reference["core.method_break"].schema
    reference["core.method_break"] = pa.Table.from_pylist(list(breaks), schema=schema)
    monkeypatch.setattr(
        "pipelines.derive.reference_tables.reference_tables", lambda documents: reference
    )
    monkeypatch.setattr("pipelines.derive.reference_tables.reference_version", lambda: repr(breaks))


def live_four_days(*homes: Home) -> list[datetime]:
    days = [DAY_1 + timedelta(days=number) for number in range(4)]
    for number, day in enumerate(days):
        for one in homes:
            land(one, "runpod", "gpu_types", day, runpod({(H100, "secure"): 2.69 + number / 10}))
    return days


def test_a_break_shows_on_its_days_whenever_it_is_declared(
    tmp_path: Path, home: Home, ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Home(tmp_path / "whole")
    days = live_four_days(home, whole)
    daily = "from marts.gpu_price_daily order by all"
    index = "from marts.gpu_price_index_revision order by all"
    declare(monkeypatch)
    run(home, days[-1], "one")
    revisions = ask(index)
    assert {said for _, said in ask(BREAKS)} == {None}
    declare(monkeypatch, BREAK)
    run(home, days[-1], "two")
    assert ask(BREAKS) == BROKEN
    run(whole, days[-1], "whole")
    with open_published(whole) as connection:
        assert connection.execute(daily).fetchall() == ask(daily)
    declare(monkeypatch)
    run(home, days[-1], "three")
    assert {said for _, said in ask(BREAKS)} == {None}
    assert ask(index) == revisions


def test_a_file_without_the_column_is_told_the_breaks_that_were_declared(
    home: Home, ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    days = live_four_days(home)
    declare(monkeypatch, BREAK)
    run(home, days[-1], "one")
    with duckdb.connect(home.build_database) as connection:  # as schema 2 had it
        connection.execute("alter table marts.gpu_price_daily drop column method_break")
        connection.execute("update meta.schema_version set version = 2")
    run(home, days[-1], "two")
    assert ask(BREAKS) == BROKEN


DAILY = (
    "select gpu_id, day::text, provider_count, median_usd_per_gpu_hour, oldest_seen_on::text"
    " from marts.gpu_price_daily where market_family = 'all' order by all"
)


@pytest.mark.parametrize(
    "then",
    [pytest.param(2.69, id="confirmed", marks=pytest.mark.slow), pytest.param(2.99, id="moved")],
)
def test_days_of_a_silence_that_ends_are_those_of_a_rebuild(
    tmp_path: Path, home: Home, ask, then: float
) -> None:
    days = [DAY_1 + timedelta(days=number) for number in range(6)]
    whole = Home(tmp_path / "whole")
    other = (FIXTURES / "lium/nodes.json").read_bytes()
    for number, day in enumerate(days):
        for one in (home, whole):
            land(one, "lium", "nodes", day, other)
            if number in (0, 5):  # silent for longer than a price is carried
                usd = 2.69 if number == 0 else then
                land(one, "runpod", "gpu_types", day, runpod({(H100, "secure"): usd}))
        run(home, day, f"day-{number}")
    run(whole, days[-1], "whole")
    with open_published(whole) as connection:
        rebuilt = connection.execute(DAILY).fetchall()
    assert ask(DAILY) == rebuilt
    h100 = [row[1:] for row in rebuilt if row[0] == "H100-SXM-80GB"]
    assert [day for day, *_ in h100] == [f"{day:%Y-%m-%d}" for day in days]
    assert {seen for *_, seen in h100[:5]} == {f"{DAY_1:%Y-%m-%d}"}  # and says since when
    # A price is carried for 72 hours; an answer that shows it again later fills no day.
    assert [usd for _, _, usd, _ in h100] == [2.69, 2.69, 2.69, None, None, then]
    assert [count for _, count, *_ in h100] == [1, 1, 1, 0, 0, 1]


def test_a_source_whose_answers_are_held_is_not_fresh(home: Home, ask) -> None:
    cards = [f"NVIDIA H100 {number}" for number in range(6)]
    land(
        home,
        "runpod",
        "gpu_types",
        DAY_1,
        runpod({(c, "secure"): 2.0 + n for n, c in enumerate(cards)}),
    )
    run(home, DAY_1, "one")
    broken = runpod({(c, "secure"): 2048.0 + 1024 * n for n, c in enumerate(cards)})
    land(home, "runpod", "gpu_types", DAY_3, broken)
    run(home, DAY_3, "two")
    assert ask("select distinct seen_at, is_stale from marts.offers_latest") == [
        (DAY_1.replace(tzinfo=None), False)
    ]
    assert ask(
        "select status, seen_at, starts_with(error, '6 of 6 prices moved by the factor 10')"
        " from meta.source_status"
        " where source_id = 'runpod' order by asked_at desc limit 1"
    ) == [("quarantined", DAY_1.replace(tzinfo=None), True)]


def test_a_feed_that_stands_still_is_stale_though_it_answers(home: Home, ask) -> None:
    feed = feed_of(("h100-sxm", "2026-06-20T06:00:00Z"), generated="2026-06-20T06:00:00Z")
    land(home, "gpu_rental_prices", "latest", DAY_1, feed)
    run(home, DAY_1, "one")
    assert ask("select is_stale, age_hours, source_time::date::text from marts.offers_latest") == [
        (True, 264.0, "2026-06-20")
    ]
    asked = "select status, error_class from meta.source_status where status <> 'never_asked'"
    assert ask(asked) == [("frozen", "frozen")]


def test_a_day_on_which_only_token_prices_came_keeps_its_gpu_prices(home: Home, ask) -> None:
    land(home, "runpod", "gpu_types", DAY_1, runpod({(H100, "secure"): 2.69}))
    run(home, DAY_1, "one")
    prices = {
        "m": {"mode": "chat", "litellm_provider": "openai", "input_cost_per_token": 1e-6,
              "output_cost_per_token": 2e-6}
    }  # fmt: skip
    land(home, "litellm", "prices", DAY_1.replace(hour=9), json.dumps(prices).encode())
    run(home, DAY_1.replace(hour=9), "two")
    assert ask("select count(*) from core.api_price") == [(1,)]
    assert ask("select count(*) from marts.gpu_price_daily where market_family = 'all'") == [(1,)]


def dated_ahead(starts: date) -> bytes:
    prices = [
        {"prices": {"input_mtok": 4, "output_mtok": 8}},
        {
            "constraint": {"start_date": starts.isoformat()},
            "prices": {"input_mtok": 2, "output_mtok": 6},
        },
    ]
    models = [{"id": "m", "match": {}, "prices": prices}]
    return json.dumps([{"id": "acme", "name": "Acme", "models": models}]).encode()


def test_a_price_dated_ahead_holds_from_its_day_in_whatever_order_its_bytes_are_read(
    home: Home, tmp_path: Path
) -> None:
    content = dated_ahead(DAY_2.date())
    answers = []
    for number, days in enumerate(itertools.permutations((DAY_1, DAY_2, DAY_3))):
        one = Home(tmp_path / str(number))
        for day in days:
            land(one, "genai_prices", "prices", day, content)
            load(one, now=DAY_3, run_id=str(day))
        with open_build(one) as connection:
            history_macros(connection)
            answers.append(
                [
                    connection.execute(
                        "select usd_per_million_input_tokens, usd_per_million_output_tokens"
                        " from core.api_price where superseded_at is null"
                        " and valid_from <= $at and coalesce(valid_to > $at, true)",
                        {"at": as_utc(day)},
                    ).fetchall()
                    for day in (DAY_1, DAY_2, DAY_3)
                ]
            )
            held = connection.execute(
                "select rule, seen_at from meta.quarantine order by all"
            ).fetchall()
            assert [rule for rule, _ in held] == ["not_yet_effective"]
    assert answers == [[[(4, 8)], [(2, 6)], [(2, 6)]]] * 6


@pytest.mark.parametrize(("days_before", "times_known"), [(0, True), (3, False)])
def test_t1_a_time_that_is_still_to_come_says_nothing_about_age(
    home: Home, ask, days_before: int, times_known: bool
) -> None:
    fixture = Path(__file__).parents[2] / "fixtures/sources/gputable/data.json"
    at = datetime(2026, 8, 30 - days_before, 20, tzinfo=UTC)  # the feed says 30 August
    land(home, "gputable", "data", at, fixture.read_bytes())
    load(home, now=at, run_id="one")
    with open_build(home) as connection:
        [(offers, known)] = connection.execute(
            "select count(*), count(source_time) from staged.offer_observation"
        ).fetchall()
        kept = connection.execute("select source_time from meta.capture").fetchall()
    assert offers > 0
    assert (known > 0, kept[0][0] is not None) == (times_known, times_known)


def test_t2_a_day_of_23_or_25_hours_is_one_day_in_utc(home: Home, ask) -> None:
    summer = ZoneInfo("Europe/Berlin")  # clocks go back on 2026-10-25, 03:00 local
    for hour, price in ((2, 2.0), (3, 2.5)):
        at = datetime(2026, 10, 25, hour, 30, fold=hour == 2, tzinfo=summer).astimezone(UTC)
        land(home, "runpod", "gpu_types", at, runpod({(H100, "secure"): price}))
    run(home, datetime(2026, 10, 25, 6, tzinfo=UTC), "one")
    assert ask(
        "select day, offer_count from marts.gpu_price_daily where market_family = 'all'"
    ) == [(date(2026, 10, 25), 1)]
    assert ask("select count(*), min(valid_from) from core.offer_open") == [
        (1, datetime(2026, 10, 25, 2, 30))  # noqa: DTZ001
    ]

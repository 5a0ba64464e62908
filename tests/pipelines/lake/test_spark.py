"""The same SQL files on two engines: equal to 1e-12, on made rows and on recorded payloads."""

from __future__ import annotations

import os
import shutil
import warnings
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines.capture.http.client import Limits
from pipelines.derive.load import load
from pipelines.derive.make import phases
from pipelines.derive.registry import MADE_WHILE_LOADING
from pipelines.lake import spark
from pipelines.reading.ledger import pending_captures
from pipelines.reading.reader import parse_captures
from pipelines.sources import all_sources
from tests.pipelines.captures import capture
from warehouse import history, macros, models, quality
from warehouse.database import open_build
from warehouse.paths import Home
from warehouse.reference.tables import reference_rows

TOLERANCE = 1e-12
KEYS = {
    "staged.normalised_offer": "capture_id, offer_key, sku, region, request_key, price_amount",
    "core.offer_price": "source_id, request_key, offer_key, valid_from, recorded_at",
    "staged.affected_offer": "source_id, request_key, offer_key, valid_from",
    "staged.provider_price_day": "provider_id, gpu_id, day, purchase_model, commitment_months,"
    " market_family",
    "marts.gpu_price_daily": "gpu_id, day, purchase_model, commitment_months, market_family",
}


@pytest.fixture(scope="session")
def session() -> Iterator[Any]:
    """Run Spark in this process's Java, on one core."""
    pytest.importorskip("pyspark", reason="no Spark here: make lake")
    if shutil.which("java") is None and not os.environ.get("JAVA_HOME"):
        pytest.skip("no Java here: apt-get install default-jre-headless")
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of pyspark, about the versions of what it could use
        running = spark.session("local[1]", spark__sql__shuffle__partitions="1")
        running.sparkContext.setLogLevel("ERROR")
    yield running
    running.stop()


@pytest.fixture
def engine(session: Any) -> spark.Warehouse:
    """Return the warehouse on Spark."""
    return spark.Warehouse(session)


def unequal(connection: duckdb.DuckDBPyConnection, table: str, here: str, there: str) -> list[Any]:
    """Return rows that two relations do not have in common; numbers may differ by 1e-12."""
    columns = connection.execute(f"describe select * from {here}").fetchall()
    known = {row[0] for row in connection.execute(f"describe select * from {there}").fetchall()}
    assert known == {row[0] for row in columns}
    keys = KEYS[table].split(", ")
    on = " and ".join(f"h.{key.strip()} is not distinct from t.{key.strip()}" for key in keys)
    same = [
        f'coalesce(abs(h."{name}" - t."{name}") <= {TOLERANCE} * abs(h."{name}"),'
        f' h."{name}" is null and t."{name}" is null)'
        if sql_type == "DOUBLE"
        else f'h."{name}" is not distinct from t."{name}"'
        for name, sql_type, *_ in columns
    ]
    return connection.execute(
        f"select * from {here} as h full join {there} as t on {on}"
        f" where not ({' and '.join(same)}) limit 3"
    ).fetchall()


def count(connection: duckdb.DuckDBPyConnection, relation: str) -> int:
    return int(connection.execute(f"select count(*) from {relation}").fetchall()[0][0])


def warehouse_in_memory() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("set TimeZone = 'UTC'")
    for schema in ("staged", "core", "marts", "meta"):
        connection.execute(f"create schema {schema}")
    return connection


def make_market(
    connection: duckdb.DuckDBPyConnection, days: int, offers: int, *, is_backfilled: bool
) -> None:
    """Run days in which prices move, offers appear and disappear, and captures fail.

    Makes ``core.offer_price`` day by day through the merge, and keeps every row of every capture
    in ``staged.judged_offer``.
    """
    given = {
        "offer_key": "'offer ' || n",
        "provider_id": "'provider ' || n % 7",
        "gpu_id": "['H100-SXM-80GB', 'A100-SXM-80GB', 'L4-24GB', null][n % 4 + 1]",
        "gpu_count": "1 + n % 8",
        "purchase_model": "case when n % 3 = 0 then 'spot' else 'on_demand' end",
        "commitment_months": "case when n % 5 = 0 then 12 end",
        "market_tier": "['hyperscaler', 'neocloud', 'marketplace_secure'][n % 3 + 1]",
        "source_kind": "'api'",
        "price_amount": "(usd / 3)::decimal(38, 18)",
        "usd_per_gpu_hour": "usd / 7",
        "is_available": "hash(n, day) % 50 <> 0",
        "payload_sha256": "'bytes of ' || day",
        "parser_version": "1",
    }
    columns = ", ".join(f"{given.get(c, 'null')} as {c}" for c in history.OFFER.carried)
    connection.execute(
        f"""
        create table staged.all_captures as
        select 'source ' || scope % 2 as source_id, 'scope ' || scope as request_key, scope, day,
            scope || '#' || day as capture_id,
            timestamp '2026-01-01 06:00:00' + day * interval 1 day as seen_at,
            timestamp '2026-01-01 06:00:00' + interval 1 day
                * {f"greatest(day, {days // 2})" if is_backfilled else "day"} as recorded_at,
            1 as parser_version
        from range(4) as s (scope), range({days}) as d (day) where hash(scope, day) % 9 <> 0
        """
    )
    connection.execute(
        f"""
        create table staged.judged_offer as
        select capture_id, {columns} from (
            select capture_id, day, n, 1.0 + hash(n, day // (1 + n % 6)) % 1000 / 7.0 as usd
            from staged.all_captures, range({offers}) as o (n)
            where n % 4 = scope and hash(n, day // 3, 1) % 6 <> 0
        )
        """
    )
    moments = "select distinct recorded_at from staged.all_captures order by 1"
    for (recorded_at,) in connection.execute(moments).fetchall():
        connection.execute(
            "create or replace temp table arrived as select * exclude (scope, day)"
            " from staged.all_captures where recorded_at = ?",
            [recorded_at],
        )
        connection.execute(
            "create or replace temp table observed as"
            " from staged.judged_offer semi join arrived using (capture_id)"
        )
        history.merge(connection, "observed", "arrived", history.OFFER)


@pytest.mark.parametrize("is_backfilled", [False, True])
def test_the_history_at_once_is_the_history_day_by_day(is_backfilled):
    with warehouse_in_memory() as connection:
        make_market(connection, days=12, offers=60, is_backfilled=is_backfilled)
        connection.execute(f"create table made as {spark.select_of('core.offer_price')}")
        assert count(connection, "made") > 300
        assert count(connection, "(from made where superseded_at is not null)") > 50
        assert unequal(connection, "core.offer_price", "core.offer_price", "made") == []


def write(connection: duckdb.DuckDBPyConnection, folder: Path, *tables: str) -> None:
    for table in tables:
        connection.execute(f"copy (from {table}) to '{folder / table}.parquet'")


def reading(folder: Path, table: str) -> str:
    return f"read_parquet('{folder / table}/*.parquet')"


def test_history_and_marts_are_the_same_on_both_engines(engine, tmp_path):
    with warehouse_in_memory() as connection:
        make_market(connection, days=30, offers=800, is_backfilled=True)
        for name, table in reference_rows().items():
            connection.register("reference", table)
            connection.execute(f"create table {name} as from reference")
            connection.unregister("reference")
        connection.execute(
            "create table meta.source as select distinct source_id, 'api' as source_kind,"
            " 1 + right(source_id, 1)::integer as kind_rank,"
            " source_id = 'source 0' as is_first_party, 24 as cadence_hours"
            " from staged.all_captures"
        )
        connection.execute((models.SQL_FOLDER / "ledgers.sql").read_text())
        history.create(connection, history.API_PRICE)
        connection.execute(
            "insert into staged.offer_stated select source_id, request_key, offer_key, seen_at,"
            " seen_at - to_days((hash(offer_key) % 6)::integer) from core.offer_capture"
            " join staged.judged_offer using (capture_id) where hash(offer_key, 1) % 3 = 0"
        )
        connection.execute(
            f"create view staged.answer as {models.read_models()['staged.answer'].select}"
        )
        connection.execute(
            "insert into core.method_break (source_id, break_on, settled_on, change)"
            " values ('source 1', '2026-01-10', '2026-01-12', 'per card')"
        )
        macros.run_formulas(connection)
        for table in spark.MARTS:
            connection.execute(f"create table {table} as {models.read_models()[table].select}")
        inputs = [*spark.INPUTS["marts"], "staged.judged_offer"]
        inputs[inputs.index("core.offer_price")] = "staged.affected_day"
        write(connection, tmp_path, *inputs)
        for table in inputs:
            engine.read(table, tmp_path / f"{table}.parquet")
        assert engine.late_scopes() == []
        for table in (spark.HISTORY, *spark.MARTS):
            engine.make(table, keep=tmp_path / table)
            assert count(connection, table) > 100
            assert unequal(connection, table, table, reading(tmp_path, table)) == [], table
        assert connection.execute(
            "select distinct day::text, method_break from marts.gpu_price_daily"
            " where method_break is not null order by all"
        ).fetchall() == [(f"2026-01-{day}", "source 1: per card") for day in (10, 11, 12)]


def test_captures_out_of_order_are_named(engine, tmp_path):
    with duckdb.connect() as connection:
        connection.execute(
            f"""
            copy (
                select 'acme' as source_id, key as request_key, seen_at, recorded_at from (values
                    ('in order', timestamp '2026-01-01', timestamp '2026-01-01'),
                    ('in order', timestamp '2026-01-02', timestamp '2026-01-02'),
                    ('late', timestamp '2026-01-02', timestamp '2026-01-02'),
                    ('late', timestamp '2026-01-01', timestamp '2026-01-03'),
                    ('again', timestamp '2026-01-01', timestamp '2026-01-01'),
                    ('again', timestamp '2026-01-01', timestamp '2026-01-02')
                ) as t (key, seen_at, recorded_at)
            ) to '{tmp_path / "captures.parquet"}'
            """
        )
    engine.read("core.offer_capture", tmp_path / "captures.parquet")
    assert engine.late_scopes() == [("acme", "again"), ("acme", "late")]


@pytest.mark.recorded
def test_recorded_payloads_are_the_same_on_both_engines(
    engine, replay_server, recorded, tmp_path, monkeypatch
):
    home, folder = Home(tmp_path / "home"), tmp_path / "parts"
    for name in ("observation", "normalised", "judged"):
        (folder / name).mkdir(parents=True)
    hold_batches, merge = quality.hold_batches, history.merge

    def keep(connection: duckdb.DuckDBPyConnection, table: str, name: str) -> None:
        number = len(list((folder / name).iterdir()))
        connection.execute(f"copy (from {table}) to '{folder / name / str(number)}.parquet'")

    def keeping_staged(connection: duckdb.DuckDBPyConnection, captures: str) -> int:
        keep(connection, "staged.offer_observation", "observation")
        keep(connection, "staged.normalised_offer", "normalised")
        return hold_batches(connection, captures)

    def keeping_judged(
        connection: duckdb.DuckDBPyConnection, rows: str, captures: str, entity: history.Entity
    ) -> int:
        if entity is history.OFFER:
            keep(connection, rows, "judged")
        return merge(connection, rows, captures, entity)

    monkeypatch.setattr(quality, "hold_batches", keeping_staged)
    monkeypatch.setattr(history, "merge", keeping_judged)
    monkeypatch.setattr("pipelines.derive.load.SNAPSHOT", tmp_path / "none")
    names = ("scaleway", "runpod", "vast", "gcp_pricing_yml", "anycloud_catalog", "lambda_page")
    sources = [replace(all_sources()[name]) for name in names]
    with open_build(home) as connection:  # no exchange rate is recorded
        connection.execute((models.SQL_FOLDER / "ledgers.sql").read_text())
        connection.execute(
            'insert into core.series_point (series_id, "on", value) values'
            " ('ecb_usd_per_eur', '2026-08-13', 1.1), ('ecb_usd_per_eur', '2026-08-14', 1.1537)"
        )
    for day in ("2026-07-19", "2026-07-20", "2026-08-16"):
        now = datetime.fromisoformat(day).replace(hour=6, tzinfo=UTC)
        capture(
            sources, home=home, mirror=f"{replay_server}/__asof/{day}", clock=lambda now=now: now,
            limits=Limits(tries=1), named=list(names),
        )  # fmt: skip
        parse_captures(home, pending_captures(home, names))
        load(home, now=now + timedelta(minutes=20), run_id=day)
    with open_build(home) as connection:
        order = phases(models.read_models())
        wanted = {"staged.answer", *spark.MARTS}
        macros.run_formulas(connection)
        models.run_models(connection, [m for m in order.before if m.name in wanted])
        tables = {*spark.INPUTS["staged"], *spark.INPUTS["marts"], "staged.affected_day"}
        write(connection, tmp_path, *sorted(tables))
        for table in tables:
            engine.read(table, tmp_path / f"{table}.parquet")
        engine.read("staged.offer_observation", folder / "observation")
        for table in MADE_WHILE_LOADING:
            engine.make(table, keep=tmp_path / table)
        normalised = f"read_parquet('{folder}/normalised/*.parquet')"
        assert count(connection, normalised) > 1_000
        in_euro = f"(from {normalised} where currency = 'EUR' and usd_per_gpu_hour > 0)"
        assert count(connection, in_euro) > 0
        table = "staged.normalised_offer"
        assert unequal(connection, table, normalised, reading(tmp_path, table)) == []

        assert engine.late_scopes() == []
        engine.read("staged.judged_offer", folder / "judged")
        for table in (spark.HISTORY, *spark.MARTS):
            engine.make(table, keep=tmp_path / table)
            assert count(connection, table) > 20
            assert unequal(connection, table, table, reading(tmp_path, table)) == [], table

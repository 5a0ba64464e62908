"""What a lake and Spark cost compared with one file. Run by hand, after `make lake`.

    python benchmarks/lake.py writers --catalog ducklake:postgres:... --data-path FOLDER
    python benchmarks/lake.py readers --catalog ... --data-path FOLDER [--home DATA_FOLDER]
    python benchmarks/lake.py spark [--rows 1000000 10000000]

`writers`: 1, 2 and 4 processes append observations at once. `readers`: the same questions to the
published file and to the lake that was pushed from it. `spark`: history and daily prices of made
rows, by DuckDB and by Spark on this machine, and whether they are equal to 1e-12.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb

from pipelines.lake import connection as lake
from pipelines.lake import runs, spark
from warehouse.database import POINTER
from warehouse.history import OFFER
from warehouse.paths import Home

QUESTIONS = {
    "count of the history": "select count(*) from core.offer_price",
    "cheapest H100 now": "select min(usd_per_gpu_hour) from core.offer_open"
    " where gpu_id = 'H100-SXM-80GB' and purchase_model = 'on_demand'",
    "daily median of a GPU": "select day, median_usd_per_gpu_hour from marts.gpu_price_daily"
    " where gpu_id = 'H100-SXM-80GB' and market_family = 'all'",
    "one GPU's history": "select count(*), min(valid_from) from core.offer_price"
    " where gpu_id = 'A100-SXM-80GB'",
}


def append(address: lake.Address, number: int, rows: int, batches: int) -> float:
    """Append made observations in some commits, and return the seconds that it took."""
    with lake.opened(address) as connection:
        connection.execute("from benchmark.observation limit 0")
        print("ready", flush=True)
        sys.stdin.readline()
        started = time.perf_counter()
        for batch in range(batches):
            connection.execute(
                f"""
                insert into benchmark.observation
                select 'source {number}', 'scope ' || n % 100, md5(n::varchar),
                    'H100-SXM-80GB', 1 + n % 8, n % 1000 / 7.0,
                    timestamp '2026-01-01' + {batch} * interval 1 day
                from range({rows // batches}) as made (n)
                """
            )
        return time.perf_counter() - started


def writers(address: lake.Address, rows: int, batches: int) -> None:
    """Measure 1, 2 and 4 processes that write at once."""
    for processes in (1, 2, 4):
        with lake.opened(address) as connection:
            connection.execute("create schema if not exists benchmark")
            connection.execute(
                "create or replace table benchmark.observation (source_id varchar,"
                " request_key varchar, offer_key varchar, gpu_id varchar, gpu_count integer,"
                " usd_per_gpu_hour double, captured_at timestamp)"
            )
        command = [sys.executable, __file__, "append", "--catalog", address.catalog]
        command += ["--data-path", str(address.data_path), "--rows", str(rows)]
        started = [
            subprocess.Popen(
                [*command, "--batches", str(batches), "--number", str(number)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for number in range(processes)
        ]
        for process in started:
            assert process.stdout is not None
            process.stdout.readline()
        begun = time.perf_counter()
        for process in started:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        for process in started:
            process.communicate()
        seconds = time.perf_counter() - begun
        with lake.opened(address, is_read_only=True) as connection:
            found = connection.execute("select count(*) from benchmark.observation").fetchall()
        assert found == [(rows * processes,)], found
        print(
            f"{processes} processes x {rows:,} rows in {batches} commits: {seconds:.2f} s,"
            f" {rows * processes / seconds:,.0f} rows/s"
        )
    with lake.opened(address) as connection:
        connection.execute("drop schema benchmark cascade")


def median_ms(connection: duckdb.DuckDBPyConnection, question: str) -> tuple[float, float]:
    """Return the first and the median latency of a question, in milliseconds."""
    taken = []
    for _ in range(9):
        started = time.perf_counter()
        connection.execute(question).fetchall()
        taken.append((time.perf_counter() - started) * 1e3)
    return taken[0], statistics.median(taken[1:])


def readers(address: lake.Address, home: Home) -> None:
    """Measure the same questions on the file and on the lake."""
    started = time.perf_counter()
    report = runs.push(home, address)
    print(f"push: {time.perf_counter() - started:.1f} s, {report.rows_appended:,} rows")
    started = time.perf_counter()
    with lake.opened(address, is_read_only=True) as there:
        there.execute("select 1 from core.offer_open limit 1").fetchall()
        opening = time.perf_counter() - started
        with duckdb.connect((home.published / POINTER).resolve(), read_only=True) as here:
            print(f"opening the lake: {opening * 1e3:.0f} ms")
            for name, question in QUESTIONS.items():
                (_, file_ms), (first_ms, lake_ms) = (
                    median_ms(here, question),
                    median_ms(there, question),
                )
                print(
                    f"{name}: file {file_ms:.1f} ms, lake {lake_ms:.1f} ms"
                    f" (first {first_ms:.0f} ms), {lake_ms / file_ms:.1f}x"
                )


def make_rows(folder: Path, rows: int) -> None:
    """Write made captures of 200 days as Parquet, with what the models read beside them."""
    days, scopes = 200, 20
    offers = rows // days
    with duckdb.connect(config={"memory_limit": "4GiB"}) as connection:
        connection.execute("create schema core; create schema staged; create schema meta")
        connection.execute(
            f"create table core.offer_capture as select s || '#' || d as capture_id,"
            " 'source ' || s % 4 as source_id, 'scope ' || s as request_key,"
            " timestamp '2026-01-01 06:00:00' + d * interval 1 day as seen_at,"
            " timestamp '2026-01-01 06:00:00' + d * interval 1 day as recorded_at,"
            f" 1 as parser_version from range({scopes}) as a (s), range({days}) as b (d)"
        )
        given = {
            "offer_key": "'offer ' || n",
            "provider_id": "'provider ' || n % 40",
            "gpu_id": "['H100-SXM-80GB', 'A100-SXM-80GB', 'L4-24GB', 'H200-SXM-141GB'][n % 4 + 1]",
            "gpu_count": "(1 + n % 8)::integer",
            "purchase_model": "case when n % 3 = 0 then 'spot' else 'on_demand' end",
            "commitment_months": "null::integer",
            "market_tier": "['hyperscaler', 'neocloud', 'marketplace_secure'][n % 3 + 1]",
            "source_kind": "'api'",
            "price_amount": "(1 + hash(n, d // (5 + n % 20)) % 1000 / 7.0)::decimal(38, 18)",
            "usd_per_gpu_hour": "1 + hash(n, d // (5 + n % 20)) % 1000 / 7.0",
            "is_available": "true",
        }
        types = dict(OFFER.values) | dict(OFFER.provenance) | {OFFER.key: "varchar"}
        columns = ", ".join(
            f"cast({given.get(name, 'null')} as {types[name]}) as {name}" for name in OFFER.carried
        )
        connection.execute(
            f"copy (select n % {scopes} || '#' || d as capture_id, {columns}"
            f" from range({days}) as b (d), range({offers}) as a (n)"
            f" where hash(n, d // 3, 1) % 8 <> 0)"
            f" to '{folder / 'staged.judged_offer.parquet'}' (row_group_size 200000)"
        )
        connection.execute(
            "create table meta.source as select distinct source_id, 'api' as source_kind,"
            " 1 as kind_rank, true as is_first_party, 24 as cadence_hours from core.offer_capture"
        )
        connection.execute(
            "create table staged.answer as select source_id, request_key, seen_at,"
            " lead(seen_at) over (partition by source_id, request_key order by seen_at) as next_at,"
            " null::timestamp as source_time, seen_at as content_changed_at from core.offer_capture"
        )
        connection.execute(
            "create table staged.offer_stated (source_id varchar, request_key varchar,"
            " offer_key varchar, seen_at timestamp, source_time timestamp)"
        )
        connection.execute(
            "create table staged.affected_day as select 'offer' as entity,"
            " date '2026-01-01' + d::integer as day from range(170, 200) as b (d)"
        )
        connection.execute(
            "create table core.method_break"
            " (source_id varchar, break_on date, settled_on date, change varchar)"
        )
        for table in INPUTS[1:]:
            connection.execute(f"copy {table} to '{folder / table}.parquet'")


GPU_DAY = ("gpu_id", "day", "purchase_model", "commitment_months", "market_family")
OFFER_SINCE = ("source_id", "request_key", "offer_key", "valid_from")
KEYS = {  # of the tables that both engines make, in their order
    spark.HISTORY: (*OFFER_SINCE, "recorded_at"),
    "staged.affected_offer": OFFER_SINCE,
    "staged.provider_price_day": ("provider_id", *GPU_DAY),
    "marts.gpu_price_daily": GPU_DAY,
}
INPUTS = (
    "staged.judged_offer",
    "core.offer_capture",
    "core.method_break",
    "meta.source",
    "staged.affected_day",
    "staged.answer",
    "staged.offer_stated",
)


def in_duckdb(folder: Path) -> None:
    """Make the tables in DuckDB, from Parquet to Parquet."""
    with duckdb.connect(str(folder / "work.duckdb"), config={"memory_limit": "4GiB"}) as connection:
        connection.execute("set TimeZone = 'UTC'; create schema core; create schema staged")
        connection.execute("create schema marts; create schema meta")
        for table in INPUTS:
            connection.execute(f"create view {table} as from '{folder / table}.parquet'")
        for table in KEYS:
            connection.execute(f"create table {table} as {spark.select_of(table)}")
            connection.execute(f"copy {table} to '{folder / 'duckdb'}.{table}.parquet'")


def in_spark(folder: Path) -> None:
    """Make the tables on Spark, from Parquet to Parquet."""
    running = spark.session(
        "local[*]", spark__driver__memory="6g", spark__sql__shuffle__partitions="8"
    )
    running.sparkContext.setLogLevel("ERROR")
    warehouse = spark.Warehouse(running)
    for table in INPUTS:
        warehouse.read(table, folder / f"{table}.parquet")
    for table in KEYS:
        warehouse.make(table, keep=folder / f"spark.{table}")
    running.stop()


def engines(sizes: list[int]) -> None:
    """Measure both engines at some sizes, each in a process of its own."""
    for rows in sizes:
        with tempfile.TemporaryDirectory() as name:
            folder, taken = Path(name), {}
            make_rows(folder, rows)
            for engine in ("duckdb", "spark"):
                before = time.perf_counter()
                subprocess.run(
                    [sys.executable, __file__, f"in-{engine}", "--folder", name],
                    check=True,
                    stderr=subprocess.DEVNULL,
                )
                taken[engine] = time.perf_counter() - before
            with duckdb.connect() as connection:
                lost = sum(unequal(connection, folder, table) for table in KEYS)
            print(
                json.dumps(
                    {
                        "rows": rows,
                        "duckdb_seconds": round(taken["duckdb"], 1),
                        "spark_seconds": round(taken["spark"], 1),
                        "spark_over_duckdb": round(taken["spark"] / taken["duckdb"], 2),
                        "rows_unequal_beyond_1e-12": lost,
                        "peak_gib": round(
                            resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20, 2
                        ),
                    }
                ),
                flush=True,
            )


def unequal(connection: duckdb.DuckDBPyConnection, folder: Path, table: str) -> int:
    """Return how many rows one engine lacks or has with another value; numbers may be 1e-12 off."""
    here, there = f"'{folder}/duckdb.{table}.parquet'", f"'{folder}/spark.{table}/*.parquet'"
    same = [
        f"coalesce(abs(h.{name} - t.{name}) <= 1e-12 * abs(h.{name}), h.{name} is null"
        f" and t.{name} is null)"
        if sql_type == "DOUBLE"
        else f"h.{name} is not distinct from t.{name}"
        for name, sql_type, *_ in connection.execute(f"describe from {here}").fetchall()
    ]
    on = " and ".join(f"h.{key} is not distinct from t.{key}" for key in KEYS[table])
    return int(
        connection.execute(
            f"select count(*) from {here} as h full join {there} as t on {on}"
            f" where not ({' and '.join(same)})"
        ).fetchall()[0][0]
    )


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "what", choices=["writers", "readers", "spark", "append", "in-duckdb", "in-spark"]
    )
    parser.add_argument("--catalog")
    parser.add_argument("--data-path")
    parser.add_argument("--home", type=Path)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--rows", type=int, nargs="+")
    parser.add_argument("--batches", type=int, default=4)
    parser.add_argument("--number", type=int, default=0)
    given = parser.parse_args()
    if given.what == "spark":
        engines(given.rows or [1_000_000, 10_000_000])
    elif given.what == "in-duckdb":
        in_duckdb(given.folder)
    elif given.what == "in-spark":
        in_spark(given.folder)
    else:
        address = lake.Address.given(given.catalog, given.data_path)
        if address is None:
            parser.error(f"give --catalog and --data-path, or set {lake.CATALOG_VARIABLE}")
        if given.what == "append":
            append(address, given.number, given.rows[0], given.batches)
        elif given.what == "writers":
            writers(address, (given.rows or [200_000])[0], given.batches)
        else:
            readers(address, Home(given.home) if given.home else Home.from_environment())


if __name__ == "__main__":
    main()

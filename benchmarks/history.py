"""What a day costs beside 1, 10 and 100 million observations of history. Run by hand.

    python benchmarks/history.py [--offers 50000] [--days 20 200 2000] [--folder DIR]

A made market lives day after day through the real merge. Its rates of change are those of the
recorded 159-day history of some 60 clouds (gpu-pricing-tracker, 2026-02-11 to 2026-07-20): a day
changes 5 % of list prices and 27 % of marketplace prices, and 5 % and 29 % of offers leave, to
come back later; 45 % of the rows are list prices. At each size it measures the next day (merge and
derived tables of the day) and publishing, and asks the published file; at the size nearest to 10
million it asks the same of pandas and, where it is installed, polars.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import duckdb

from warehouse import history, models, publication
from warehouse.database import open_build, open_published
from warehouse.paths import Home

START = datetime(2021, 1, 1, 6)  # noqa: DTZ001  the warehouse keeps UTC without a zone
LIST_SHARE = 0.45
CHANGED = {"list": 0.050, "marketplace": 0.272}
VANISHED = {"list": 0.052, "marketplace": 0.288}
SCOPES = 100  # requests a day that answer with a part of the market

DAILY_MEDIAN = """
    with standing as (
        select gpu_id, provider_id, purchase_model, usd_per_gpu_hour
        from core.offer_open where gpu_id is not null
    ), provider as (
        select gpu_id, provider_id, purchase_model, median(usd_per_gpu_hour) as usd
        from standing group by gpu_id, provider_id, purchase_model
    )
    select gpu_id, purchase_model, $day::date as day, median(usd) as median_usd_per_gpu_hour,
        count(*) as provider_count
    from provider group by gpu_id, purchase_model
"""


def make_market(connection: duckdb.DuckDBPyConnection, offers: int) -> None:
    """Make the offers that may stand; two of three do at first."""
    connection.execute("select setseed(0.42)")
    connection.execute(
        f"""
        create or replace table staged.market as
        select n, case when n % 100 < {LIST_SHARE * 100} then 'list' else 'marketplace' end as kind,
            n % {SCOPES} as scope, 0.1 + 10 * random() as usd, random() < 0.67 as is_standing,
            timestamp '{START}' as since, 0.0 as usd_before, false as was_standing,
            timestamp '{START}' as since_before
        from range({offers * 3 // 2}) as made (n)
        """
    )


def live(connection: duckdb.DuckDBPyConnection, day: int) -> None:
    """Let a day pass in the market."""

    def rate(rates: dict[str, float]) -> str:
        return f"case kind when 'list' then {rates['list']} else {rates['marketplace']} end"

    connection.execute(
        f"""
        create or replace table staged.market as
        with passed as (
            select n, kind, scope,
                usd * case when random() < {rate(CHANGED)} then exp((random() - 0.5) * 0.2)
                    else 1 end as usd,
                -- Half as many are away as stand: they return twice as often as they leave.
                case when is_standing then random() >= {rate(VANISHED)}
                    else random() < 2 * {rate(VANISHED)} end as is_standing,
                since as since_before, usd as usd_before, is_standing as was_standing
            from staged.market
        )
        select n, kind, scope, usd, is_standing,
            case when was_standing and usd = usd_before and {day} > 0 then since_before
                else timestamp '{START}' + interval {day} day end as since,
            usd_before, was_standing and {day} > 0 as was_standing, since_before
        from passed
        """
    )


def rows_of_market(usd: str, since: str) -> dict[str, str]:
    """Return the columns of an offer that has stood at a price since a moment."""
    seen = f"scope || '/' || date_diff('day', timestamp '{START}', {since})"
    return {
        "offer_key": "md5(n::varchar)",
        "source_id": "'source ' || scope // 4",
        "request_key": "'part ' || scope",
        "provider_id": "'provider ' || n % 60",
        "sku": "'sku ' || n",
        "region": "'region ' || n % 31",
        "gpu_id": "'gpu ' || n % 70",
        "gpu_name_printed": "'GPU ' || n % 70",
        "gpu_count": "1 + n % 8",
        "purchase_model": "case when n % 3 = 0 then 'spot' else 'on_demand' end",
        "market_tier": "case kind when 'list' then 'neocloud' else 'marketplace_secure' end",
        "source_kind": "'api'",
        "price_amount": f"round({usd}, 6)::decimal(18, 6)",
        "currency": "'USD'",
        "price_basis": "'gpu'",
        "price_unit": "'hour'",
        "usd_per_gpu_hour": usd,
        "source_url": "'https://example.org/' || scope",
        "payload_sha256": f"md5({seen}) || md5('again ' || {seen})",
        "parser_version": "1",
    }


def look(connection: duckdb.DuckDBPyConnection, day: int) -> None:
    """Capture every part of the market as it stands."""
    connection.execute(
        "create or replace temp table seen_capture as select scope || '/' || $1 as capture_id,"
        " 'source ' || scope // 4 as source_id, 'part ' || scope as request_key,"
        " $2::timestamp as valid_at, valid_at as recorded_at, 1 as parser_version"
        " from (select distinct scope from staged.market) order by scope",
        [str(day), START + timedelta(days=day)],
    )
    made = rows_of_market("usd", f"timestamp '{START}' + interval {day} day")
    columns = ", ".join(f"{made.get(c, 'null')} as {c}" for c in history.OFFER.carried)
    connection.execute(
        f"create or replace temp table observed as select scope || '/{day}' as capture_id,"
        f" {columns} from staged.market where is_standing order by scope, n"
    )


def merge_day(connection: duckdb.DuckDBPyConnection, day: int) -> float:
    """Live a day, merge it and derive its tables; return the seconds of merging and deriving."""
    live(connection, day)
    look(connection, day)
    started = time.perf_counter()
    history.merge(connection, "observed", "seen_capture", history.OFFER)
    derive_day(connection, day)
    connection.execute("delete from staged.affected_day")
    connection.execute("checkpoint")
    return time.perf_counter() - started


def derive_day(connection: duckdb.DuckDBPyConnection, day: int) -> None:
    """Derive the day's medians from what stands."""
    connection.execute(
        "create table if not exists marts.gpu_price_daily (gpu_id varchar, purchase_model varchar,"
        " day date, median_usd_per_gpu_hour double, provider_count bigint)"
    )
    connection.execute(
        f"insert into marts.gpu_price_daily {DAILY_MEDIAN}", {"day": START + timedelta(days=day)}
    )


def write_days(connection: duckdb.DuckDBPyConnection, first: int, last: int) -> None:
    """Write days into the history as the merge would, without its work: a quarter of the time."""
    opened = rows_of_market("usd_before", "since_before")
    columns = ", ".join(history.OFFER.columns)
    for day in range(first, last):
        live(connection, day)
        at = f"timestamp '{START}' + interval {day} day"
        pair = {
            "valid_from": "since_before",
            "valid_to": f"case when number = 2 then {at} end",
            "recorded_at": f"case number when 1 then since_before else {at} end",
            "superseded_at": f"case when number = 1 then {at} end",
        }
        made = ", ".join(f"{(opened | pair).get(c, 'null')} as {c}" for c in history.OFFER.columns)
        connection.execute(
            f"insert into {history.OFFER.closed} ({columns}) select {columns} from"
            f" (select {made} from staged.market, (values (1), (2)) as two (number)"
            " where was_standing and (not is_standing or usd <> usd_before))"
            " order by source_id, request_key, offer_key, valid_from, recorded_at"
        )
        connection.execute(
            f"insert into {history.OFFER.capture} select scope || '/{day}',"
            f" 'source ' || scope // 4, 'part ' || scope, {at}, {at}, 1"
            " from (select distinct scope from staged.market) order by scope"
        )
        if day % 5 == 0 or day == last - 1:
            _write_open(connection)
            derive_day(connection, day)


def _write_open(connection: duckdb.DuckDBPyConnection) -> None:
    stands = rows_of_market("usd", "since") | {"valid_from": "since", "recorded_at": "since"}
    made = ", ".join(f"{stands.get(c, 'null')} as {c}" for c in history.OFFER.columns)
    connection.execute(f"delete from {history.OFFER.open}")
    connection.execute(
        f"insert into {history.OFFER.open} select {made} from staged.market where is_standing"
        " order by source_id, request_key, offer_key"
    )


def check_writing() -> None:
    """Hold what ``write_days`` writes equal to what the merge of the same days makes."""
    found = []
    for way in ("merged", "written"):
        with duckdb.connect(":memory:", config={"threads": "1"}) as connection:
            connection.execute("create schema marts")
            history.create(connection, history.OFFER)
            make_market(connection, 300)
            if way == "merged":
                for day in range(12):
                    merge_day(connection, day)
            else:
                write_days(connection, 0, 12)
            found.append(connection.execute("from core.offer_price order by all").fetchall())
    assert found[0] == found[1] and len(found[0]) > 1000, (
        "the history written is not the merged one"
    )


def milliseconds(ask: Callable[[], object], times: int = 5) -> float:
    """Return the median time of an answer [ms]."""
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        ask()
        taken.append(time.perf_counter() - started)
    return round(statistics.median(taken) * 1000, 1)


def questions(days: int) -> dict[str, str]:
    """Return the questions that are asked of the published file."""
    middle = (START + timedelta(days=days // 2)).date()
    return {
        "latest price of every offer": "select offer_key, usd_per_gpu_hour from core.offer_open",
        "daily median per GPU, all years": "from marts.gpu_price_daily where gpu_id = 'gpu 7'",
        "as of a day in the middle": f"select count(*) from as_of(date '{middle}')",
        "as of it, joined with specs": "select gpu_id, min(usd_per_gpu_hour / memory_bytes)"
        f" from (select gpu_id, usd_per_gpu_hour from as_of(date '{middle}'))"
        " join core.gpu using (gpu_id) group by gpu_id",
        "one GPU's history": "select valid_from, valid_to, usd_per_gpu_hour from core.offer_price"
        " where gpu_id = 'gpu 7' and superseded_at is null",
    }


def ask(home: Home, days: int) -> dict[str, float]:
    """Ask the published file every question; milliseconds each."""
    with open_published(home) as connection:
        return {
            name: milliseconds(lambda sql=sql: connection.execute(sql).to_arrow_table())
            for name, sql in questions(days).items()
        }


def ask_data_frames(home: Home, days: int) -> dict[str, dict[str, float]]:
    """Ask pandas and polars the same of the same rows, in memory; milliseconds each."""
    middle = START + timedelta(days=days // 2) + timedelta(days=1)
    with open_published(home) as connection:
        columns = "offer_key, gpu_id, usd_per_gpu_hour, valid_from, valid_to, superseded_at"
        table = connection.execute(f"select {columns} from core.offer_price").to_arrow_table()
        specs = connection.execute("from core.gpu").to_arrow_table()
        medians = connection.execute("from marts.gpu_price_daily").to_arrow_table()
    answers: dict[str, dict[str, float]] = {}
    prices, gpus, daily = table.to_pandas(), specs.to_pandas(), medians.to_pandas()

    def standing():
        return prices[
            (prices.valid_from < middle)
            & (prices.valid_to.isna() | (prices.valid_to >= middle))
            & prices.superseded_at.isna()
        ]

    def joined():
        both = standing().merge(gpus, on="gpu_id")
        return (both.usd_per_gpu_hour / both.memory_bytes).groupby(both.gpu_id).min()

    names = list(questions(days))
    asked = [
        lambda: prices.loc[
            prices.valid_to.isna() & prices.superseded_at.isna(), ["offer_key", "usd_per_gpu_hour"]
        ],
        lambda: daily[daily.gpu_id == "gpu 7"],
        lambda: len(standing()),
        joined,
        lambda: prices.loc[
            (prices.gpu_id == "gpu 7") & prices.superseded_at.isna(),
            ["valid_from", "valid_to", "usd_per_gpu_hour"],
        ],
    ]
    answers["pandas"] = {name: milliseconds(one) for name, one in zip(names, asked, strict=True)}
    try:
        import polars as pl
    except ImportError:
        return answers
    frame, gpu_frame, day_frame = (pl.from_arrow(one) for one in (table, specs, medians))
    stands = (
        (pl.col("valid_from") < middle)
        & (pl.col("valid_to").is_null() | (pl.col("valid_to") >= middle))
        & pl.col("superseded_at").is_null()
    )
    is_open = pl.col("valid_to").is_null() & pl.col("superseded_at").is_null()
    ratio = (pl.col("usd_per_gpu_hour") / pl.col("memory_bytes")).min()
    of_gpu = (pl.col("gpu_id") == "gpu 7") & pl.col("superseded_at").is_null()
    lazy = [
        frame.lazy().filter(is_open).select("offer_key", "usd_per_gpu_hour"),
        day_frame.lazy().filter(pl.col("gpu_id") == "gpu 7"),
        frame.lazy().filter(stands).select(pl.len()),
        frame.lazy()
        .filter(stands)
        .join(gpu_frame.lazy(), on="gpu_id")
        .group_by("gpu_id")
        .agg(ratio),
        frame.lazy().filter(of_gpu).select("valid_from", "valid_to", "usd_per_gpu_hour"),
    ]
    answers["polars"] = {n: milliseconds(q.collect) for n, q in zip(names, lazy, strict=True)}
    return answers


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--offers", type=int, default=50_000, help="offers standing on a day")
    parser.add_argument("--days", type=int, nargs="+", default=[20, 200])
    parser.add_argument("--folder", type=Path, help="where to work (default: a temporary folder)")
    arguments = parser.parse_args()
    folder = arguments.folder or Path(tempfile.mkdtemp(prefix="truecost-benchmark-"))
    home = Home(folder)
    connection = open_build(home, memory_limit="2GiB")
    make_market(connection, arguments.offers)
    history.create(connection, history.OFFER)
    connection.execute((models.SQL_FOLDER / "macros" / "history.sql").read_text())
    connection.execute(
        "create table if not exists core.gpu as select 'gpu ' || n as gpu_id,"
        " 80000000000 as memory_bytes from range(70) t(n)"
    )
    check_writing()
    day = 0
    for size in sorted(arguments.days):
        write_days(connection, day, size)
        connection.execute("checkpoint")
        day = size
        next_days = [merge_day(connection, day + extra) for extra in range(5)]
        day += 5
        [(observations,)] = connection.execute(
            "select count(*) * ? from core.offer_capture", [arguments.offers / SCOPES]
        ).fetchall()
        [(rows,)] = connection.execute("select count(*) from core.offer_price").fetchall()
        connection.close()
        started = time.perf_counter()
        path = publication.publish(home, f"first-{size:05d}")
        first_publication = time.perf_counter() - started
        connection = open_build(home, memory_limit="2GiB")
        merge_day(connection, day)
        day += 1
        connection.close()
        started = time.perf_counter()
        path = publication.publish(home, f"next-{size:05d}", keep=1)
        result = {
            "observations": int(observations),
            "days": day,
            "rows": rows,
            "megabytes": round(path.stat().st_size / 1e6),
            "next_day_seconds": round(statistics.median(next_days), 3),
            "first_publication_seconds": round(first_publication, 2),
            "next_publication_seconds": round(time.perf_counter() - started, 2),
            "peak_gibibytes": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
            "milliseconds": {"duckdb, published file": ask(home, day)},
        }
        if 5e6 < observations < 5e7:
            result["milliseconds"] |= ask_data_frames(home, day)
        print(json.dumps(result, indent=1), flush=True)
        connection = open_build(home, memory_limit="2GiB")
    connection.close()
    if arguments.folder is None:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()

"""What a day costs beside 1, 10 and 100 million observations of history. Run by hand.

    python benchmarks/history.py [--offers 50000] [--days 20 200 2000] [--folder DIR]

A folder is kept, and used again: its markets live on.

A made market lives day after day. Its rates of change are those of the recorded 159-day history of
some 60 clouds (gpu-pricing-tracker, 2026-02-11 to 2026-07-20): a day changes 5 % of list prices and
27 % of marketplace prices, and 5 % and 29 % of offers leave, to come back later; 45 % of the rows
are list prices. The past is written as the pipeline would have written it (held equal on a small
market first): files in landing and observations, ledgers, history, daily tables. At each size the
whole daily job then runs for several more days, as ``truecost run`` runs it: 25 made sources answer
100 requests on 127.0.0.1, and capture, parse, load, derive, check and publish are measured each.
Then the published file is asked; at the size nearest to 10 million the same is asked of pandas
and, where it is installed, polars.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import statistics
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import duckdb

from pipelines.capture.http.client import Limits
from pipelines.capture.parallel import capture
from pipelines.derive.check import check
from pipelines.derive.load import load, prepare
from pipelines.derive.make import make, phases
from pipelines.derive.reference_tables import load_reference
from pipelines.derive.release import publish_build
from pipelines.reading.ledger import pending_captures
from pipelines.reading.reader import parse_captures
from pipelines.sources import all_sources
from pipelines.sources.base import Fetching, Offer, Payload, Request, Source
from warehouse import history, models
from warehouse.database import open_build, open_published
from warehouse.paths import Home

START = datetime(2021, 1, 1, 6)  # noqa: DTZ001  the warehouse keeps UTC without a zone
LIST_SHARE = 0.45
CHANGED = {"list": 0.050, "marketplace": 0.272}
VANISHED = {"list": 0.052, "marketplace": 0.288}
SCOPES = 100  # requests a day that answer with a part of the market
SCOPES_A_SOURCE = 4
STAGES = ("capture", "parse", "load", "derive", "check", "publish")
PROVENANCE = {"source_url", "payload_sha256", "parser_version"}  # where a price was first read


def make_market(connection: duckdb.DuckDBPyConnection, offers: int) -> None:
    """Make the offers, two of three open at first. Their GPUs are the real ones."""
    connection.execute("create schema if not exists made")
    connection.execute("select setseed(0.42)")
    connection.execute(
        f"""
        create or replace table made.market as
        with gpu as (
            select gpu_id, sqrt(low_usd_per_gpu_hour * high_usd_per_gpu_hour) as usd,
                row_number() over (order by gpu_id) - 1 as number, count(*) over () as gpus
            from core.gpu join core.price_band using (gpu_id) where not is_coarse
        )
        select n, gpu_id, case when n % 100 < {LIST_SHARE * 100} then 'list' else 'marketplace' end
                as kind,
            n % {SCOPES} as scope, usd as usual_usd, round(usd, 6) as usd,
            random() < 0.67 as is_standing, timestamp '{START}' as since, 0.0 as usd_before,
            false as was_standing, timestamp '{START}' as since_before
        from range({offers * 3 // 2}) as made (n)
        join gpu on n % gpus = number
        order by n
        """
    )


def live(connection: duckdb.DuckDBPyConnection, day: int) -> None:
    """Change the market by one day."""

    def rate(rates: dict[str, float]) -> str:
        return f"case kind when 'list' then {rates['list']} else {rates['marketplace']} end"

    connection.execute("select setseed(?)", [(day % 9973) / 9973])  # a day is a day in any run
    connection.execute(
        f"""
        create or replace table made.market as
        with passed as (
            select n, gpu_id, kind, scope, usual_usd,
                case when random() < {rate(CHANGED)}
                    then round(usual_usd * exp((random() - 0.5) * 0.3), 6) else usd end as usd,
                -- Half as many are gone as are open: they return twice as often as they leave.
                case when is_standing then random() >= {rate(VANISHED)}
                    else random() < 2 * {rate(VANISHED)} end as is_standing,
                since as since_before, usd as usd_before, is_standing as was_standing
            from made.market
        )
        select n, gpu_id, kind, scope, usual_usd, usd, is_standing,
            case when was_standing and usd = usd_before and {day} > 0 then since_before
                else timestamp '{START}' + interval {day} day end as since,
            usd_before, was_standing and {day} > 0 as was_standing, since_before
        from passed
        """
    )


def printed(usd: str) -> dict[str, str]:
    """Return what a source prints of an offer at a price, as SQL over the market."""
    return {
        "provider_id": "'provider_' || n % 60",
        "sku": "'sku ' || n",
        "region": "'region ' || n % 31",
        "gpu_name_printed": "gpu_id",
        "gpu_count": "1 + n % 8",
        "purchase_model": "case when n % 3 = 0 then 'spot' else 'on_demand' end",
        "market_tier": "case kind when 'list' then 'neocloud' else 'marketplace_secure' end",
        "price_amount": f"{usd}::decimal(38, 18)",
    }


def rows_of_market(usd: str, since: str) -> dict[str, str]:
    """Return the columns of the history for an offer that has had a price since a moment."""
    fields = printed(usd)
    seen = f"scope || '/' || date_diff('day', timestamp '{START}', {since})"
    key = ("provider_id", "sku", "region", "purchase_model", "market_tier")
    provider_id, sku, region, purchase_model, market_tier = (fields[name] for name in key)
    return fields | {
        "offer_key": f"md5(concat_ws('|', {SOURCE_ID}, {provider_id}, {sku}, {region},"
        f" {purchase_model}, '', '', {market_tier}))",
        "source_id": SOURCE_ID,
        "request_key": "'part_' || scope",
        "gpu_id": "gpu_id",
        "source_kind": "'api'",
        "currency": "'USD'",
        "price_basis": "'gpu'",
        "price_unit": "'hour'",
        "usd_per_gpu_hour": usd,
        "source_url": "'https://made.example/' || scope",
        "payload_sha256": f"md5({seen}) || md5('again ' || {seen})",
        "parser_version": "1",
    }


SOURCE_ID = f"'made_' || lpad((scope // {SCOPES_A_SOURCE})::varchar, 2, '0')"


def made_sources() -> dict[str, Source]:
    """Return the sources of the made market, each with its part of the requests."""

    def made_source(number: int) -> Source:
        scopes = range(number * SCOPES_A_SOURCE, (number + 1) * SCOPES_A_SOURCE)

        def requests(fetching: Fetching) -> list[Request]:
            return [Request(key=f"part_{s}", url=f"https://made.example/{s}") for s in scopes]

        return Source(
            source_id=f"made_{number:02d}",
            title="made",
            kind="api",
            homepage_url="https://made.example",
            terms_url="https://made.example",
            credit="made",
            licence="CC0-1.0",
            allowed_hosts=("made.example",),
            requests=requests,
            parse=parse,
            parser_version=1,
            expected_rows=(1, 10_000_000),
            currency="USD",
            price_basis="gpu",
            price_unit="hour",
            requests_per_second=1000.0,
        )

    made = [made_source(number) for number in range(SCOPES // SCOPES_A_SOURCE)]
    return {source.source_id: source for source in made}


def parse(payload: Payload) -> Iterator[Offer]:
    """Yield the offers of a part of the made market."""
    for row in payload.json():
        yield Offer(
            **row | {"price_amount": Decimal(row["price_amount"])},
            currency="USD",
            price_basis="gpu",
            price_unit="hour",
        )


class Market(BaseHTTPRequestHandler):
    """Answers with the part of the market that is asked for."""

    parts: dict[str, bytes] = {}  # noqa: RUF012  the answers of the day, by path

    def do_GET(self) -> None:
        """Answer a request of a mirror: /made.example/<scope>."""
        content = Market.parts.get(self.path)
        self.send_response(200 if content else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content or b"")))
        self.end_headers()
        self.wfile.write(content or b"")

    def log_message(self, *_: object) -> None:
        """Write no log."""


def print_market(connection: duckdb.DuckDBPyConnection) -> None:
    """Write the current market as the answers of its sources."""
    fields = ", ".join(f"'{name}': {sql}" for name, sql in printed("usd").items())
    fields = fields.replace(printed("usd")["price_amount"], "usd::decimal(38, 18)::varchar")
    Market.parts = {
        f"/made.example/{scope}": part.encode()
        for scope, part in connection.execute(
            f"select scope, to_json(list({{{fields}}} order by n)) from made.market"
            " where is_standing group by scope"
        ).fetchall()
    }


def run_day(home: Home, mirror: str, day: int) -> dict[str, float]:
    """Run the whole daily job on a day that has been lived; return the seconds of each stage."""
    now = (START + timedelta(days=day)).replace(tzinfo=UTC)
    run_id = f"day-{day:05d}"
    sources = all_sources()
    asked = list(sources.values())
    jobs: dict[str, Callable[[], object]] = {
        "capture": lambda: capture(
            asked,
            home=home,
            clock=lambda: now,
            mirror=mirror,
            limits=Limits(total_seconds=600),
        ),
        "parse": lambda: parse_captures(home, pending_captures(home, sources)),
        "load": lambda: load(home, now=now, run_id=run_id),
        "derive": lambda: list(make(home, PHASES)),
        "check": lambda: check(home, PHASES.all),
        "publish": lambda: publish_build(home, run_id=run_id, now=now),
    }
    seconds = {}
    for stage, job in jobs.items():
        started = time.perf_counter()
        job()
        seconds[stage] = time.perf_counter() - started
    return seconds


PHASES = phases(models.read_models())


def live_and_run(home: Home, mirror: str, day: int) -> dict[str, float]:
    """Live a day and run the daily job on it."""
    with open_build(home, memory_limit="2GiB") as connection:
        live(connection, day)
        print_market(connection)
    return run_day(home, mirror, day)


def write_days(connection: duckdb.DuckDBPyConnection, first: int, last: int) -> None:
    """Write days into the history as the merge would, without its work."""
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
            f" (select {made} from made.market, (values (1), (2)) as two (number)"
            " where was_standing and (not is_standing or usd <> usd_before))"
            " order by source_id, request_key, offer_key, valid_from, recorded_at"
        )
    current = rows_of_market("usd", "since") | {"valid_from": "since", "recorded_at": "since"}
    made = ", ".join(f"{current.get(c, 'null')} as {c}" for c in history.OFFER.columns)
    connection.execute(f"delete from {history.OFFER.open}")
    connection.execute(
        f"insert into {history.OFFER.open} select {made} from made.market where is_standing"
        " order by source_id, request_key, offer_key"
    )


def write_ledgers(connection: duckdb.DuckDBPyConnection, home: Home, known: int, last: int) -> None:
    """Copy day ``known`` to days ``known + 1`` to ``last - 1``: files, ledgers, daily tables."""
    at = START + timedelta(days=known)
    known_day, files = at.date().isoformat(), []
    for root in (home.landing, home.observations):
        for source_id in all_sources():
            files += [
                (file, file.read_text()) for file in (root / source_id / known_day).glob("*.json")
                if file.name[0].isdigit()
            ]  # fmt: skip
    for day in range(known + 1, last):
        name = (START + timedelta(days=day)).date().isoformat()
        for file, text in files:
            folder = file.parent.parent / name
            folder.mkdir(exist_ok=True)
            (folder / file.name).write_text(text.replace(known_day, name))
    days = f"range({known + 1}, {last}) as later (n)"
    shift = f"to_days((n - {known})::integer)"
    connection.execute(
        f"insert into meta.capture by name select * exclude (n) replace ("
        f" seen_at + {shift} as seen_at, recorded_at + {shift} as recorded_at,"
        f" replace(capture_id, '{known_day}', strftime(seen_at + {shift}, '%Y-%m-%d'))"
        f" as capture_id) from meta.capture, {days} where seen_at = ? order by n, capture_id",
        [at],
    )
    connection.execute(
        f"insert into {history.OFFER.capture} by name select * exclude (n) replace ("
        f" seen_at + {shift} as seen_at, recorded_at + {shift} as recorded_at,"
        f" replace(capture_id, '{known_day}', strftime(seen_at + {shift}, '%Y-%m-%d'))"
        f" as capture_id) from {history.OFFER.capture}, {days} where seen_at = ?"
        " order by n, source_id, request_key",
        [at],
    )
    for table, moved in {
        "marts.gpu_price_daily": "",
        "marts.gpu_price_index_revision": f", recorded_at + {shift} as recorded_at",
    }.items():
        connection.execute(
            f"insert into {table} by name select * exclude (n) replace"
            f" ((day + (n - {known})::integer)::date as day{moved})"
            f" from {table}, {days} where day = ?",
            [at.date()],
        )
    connection.execute(
        f"insert into meta.run by name select * exclude (n) replace (started_at + {shift} as"
        f" started_at, finished_at + {shift} as finished_at, run_id || '-' || n as run_id)"
        f" from meta.run, {days} where started_at = ?",
        [at],
    )


def check_writing(folder: Path, mirror: str) -> None:
    """Hold what ``write_days`` writes equal to what the daily job makes of the same days."""
    columns = ", ".join(c for c in history.OFFER.columns if c not in PROVENANCE)
    found = []
    for way in ("run", "written"):
        home = Home(folder / way)
        with open_build(home, threads=1) as connection:
            begin(connection, 100 * SCOPES)
            if way == "written":
                write_days(connection, 0, 4)
        if way == "run":
            for day in range(4):
                with open_build(home, threads=1) as connection:
                    live(connection, day)
                    print_market(connection)
                run_day(home, mirror, day)
        with open_build(home) as connection:
            found.append(
                connection.execute(
                    f"select {columns} from core.offer_price order by all"
                ).fetchall()
            )
    assert found[0] == found[1] and len(found[0]) > 10_000, (
        "what was written is not the real history"
    )


def begin(connection: duckdb.DuckDBPyConnection, offers: int) -> None:
    """Prepare an empty build file, and the market."""
    prepare(connection, START.replace(tzinfo=UTC), "begin")
    load_reference(connection)
    make_market(connection, offers)


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
        "daily median per GPU, all years": "from marts.gpu_price_daily"
        " where gpu_id = 'H100-SXM-80GB'",
        "as of a day in the middle": f"select count(*) from as_of(date '{middle}')",
        "as of it, joined with specs": "select gpu_id, min(usd_per_gpu_hour / memory_bytes)"
        f" from (select gpu_id, usd_per_gpu_hour from as_of(date '{middle}'))"
        " join core.gpu using (gpu_id) group by gpu_id",
        "one GPU's history": "select valid_from, valid_to, usd_per_gpu_hour from core.offer_price"
        " where gpu_id = 'H100-SXM-80GB' and superseded_at is null",
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
        lambda: daily[daily.gpu_id == "H100-SXM-80GB"],
        lambda: len(standing()),
        joined,
        lambda: prices.loc[
            (prices.gpu_id == "H100-SXM-80GB") & prices.superseded_at.isna(),
            ["valid_from", "valid_to", "usd_per_gpu_hour"],
        ],
    ]
    answers["pandas"] = {name: milliseconds(one) for name, one in zip(names, asked, strict=True)}
    try:
        import polars as pl
    except ImportError:
        return answers
    frame, gpu_frame, day_frame = (pl.from_arrow(one) for one in (table, specs, medians))
    is_valid = (
        (pl.col("valid_from") < middle)
        & (pl.col("valid_to").is_null() | (pl.col("valid_to") >= middle))
        & pl.col("superseded_at").is_null()
    )
    is_open = pl.col("valid_to").is_null() & pl.col("superseded_at").is_null()
    ratio = (pl.col("usd_per_gpu_hour") / pl.col("memory_bytes")).min()
    of_gpu = (pl.col("gpu_id") == "H100-SXM-80GB") & pl.col("superseded_at").is_null()
    lazy = [
        frame.lazy().filter(is_open).select("offer_key", "usd_per_gpu_hour"),
        day_frame.lazy().filter(pl.col("gpu_id") == "H100-SXM-80GB"),
        frame.lazy().filter(is_valid).select(pl.len()),
        frame.lazy()
        .filter(is_valid)
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
    parser.add_argument("--measured", type=int, default=5, help="days that are run at each size")
    parser.add_argument(
        "--folder", type=Path, help="where to work, kept (default: a temporary folder)"
    )
    arguments = parser.parse_args()
    folder = arguments.folder or Path(tempfile.mkdtemp(prefix="truecost-benchmark-"))
    folder.mkdir(parents=True, exist_ok=True)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Market)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    mirror = f"http://127.0.0.1:{server.server_address[1]}"
    all_sources().clear()  # a made market in place of the real one
    all_sources().update(made_sources())
    try:
        with tempfile.TemporaryDirectory(dir=folder) as small:
            check_writing(Path(small), mirror)
        measure(arguments.offers, sorted(arguments.days), arguments.measured, folder, mirror)
    finally:
        server.shutdown()
        if arguments.folder is None:
            shutil.rmtree(folder)


def measure(offers: int, sizes: list[int], measured: int, folder: Path, mirror: str) -> None:
    """Print what the next day costs at each size, and how fast the published file answers."""
    smallest = dict[str, float]()
    for size in sizes:
        home = Home(folder / f"days-{size:05d}")
        day = last_day(home) if home.build_database.exists() else make_home(
            home, offers, size, mirror
        )  # fmt: skip
        first = live_and_run(home, mirror, day + 1)
        stages = defaultdict(list)
        for number in range(measured):
            for stage, seconds in live_and_run(home, mirror, day + 2 + number).items():
                stages[stage].append(seconds)
        day += 1 + measured
        median = {stage: round(statistics.median(taken), 2) for stage, taken in stages.items()}
        whole = [sum(day) for day in zip(*(stages[s] for s in STAGES[:-1]), strict=True)]
        median["capture to check"] = round(statistics.median(whole), 2)
        smallest = smallest or median
        with open_build(home) as connection:
            [(captures,)] = connection.execute("select count(*) from core.offer_capture").fetchall()
            rows = history.row_count(connection, history.OFFER)
        observations = captures * offers // SCOPES
        result = {
            "observations": observations,
            "days": day + 1,
            "rows": rows,
            "megabytes": round(home.build_database.stat().st_size / 1e6),
            "next_day_seconds": median,
            "times_the_smallest": {s: round(median[s] / smallest[s], 2) for s in median},
            "first_publication_seconds": round(first["publish"], 1),
            "peak_gibibytes": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
            "milliseconds": {"duckdb, published file": ask(home, day)},
        }
        if 5e6 < observations < 5e7:
            result["milliseconds"] |= ask_data_frames(home, day)
        print(json.dumps(result, indent=1), flush=True)


def make_home(home: Home, offers: int, size: int, mirror: str) -> int:
    """Make a home with some days of captures; return the last."""
    with open_build(home) as connection:
        begin(connection, offers)
    live_and_run(home, mirror, 0)
    with open_build(home, memory_limit="2GiB") as connection:
        write_days(connection, 1, size)
        write_ledgers(connection, home, 0, size)
        connection.execute("checkpoint")
    return size - 1


def last_day(home: Home) -> int:
    """Return the last day that a home has lived."""
    with open_build(home) as connection:
        [(last,)] = connection.execute("select max(seen_at) from core.offer_capture").fetchall()
    return (last - START).days


if __name__ == "__main__":
    main()

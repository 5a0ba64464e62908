"""Read a published file in 32 processes while runs publish: no error, no torn read, how fast.

    python benchmarks/readers.py [--minutes 10] [--rows 1000000] [--readers 32] [--pause 0.5]

One process repeatedly changes every row, records what a reader must find (run, rows, sum) in a
second table, and publishes. The readers query both in a loop and compare. Rows of two runs in one
answer, or rows that do not match their record, are a torn read. There are five kinds of readers:
one opens the newest file for each question; one is any DuckDB client that opens the pointer; one
keeps a single connection; one keeps a connection until its file has been pruned; and one reads the
Parquet export of the run that was current when it started. Seconds are from the question to the
answer, opening included.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.synchronize import Barrier, Event
from pathlib import Path

import duckdb

from warehouse import publication
from warehouse.database import POINTER, open_build, open_published
from warehouse.paths import Home

LEAST_PUBLISHES = 2
# Out of eight readers: what each does.
KINDS = ("newest", "newest", "newest", "newest", "pointer", "kept", "until pruned", "parquet")
QUESTION = """
    select p.run, p.last_run, m.run, p.rows, m.rows, p.cents, m.cents
    from (
        select min(run) as run, max(run) as last_run, count(*) as rows, sum(cents) as cents
        from {price}
    ) as p, {mark} as m
"""
Answer = tuple[int, ...]


@dataclass
class Report:
    """What one reader saw."""

    kind: str
    seconds: list[float] = field(default_factory=list)
    runs: set[int] = field(default_factory=set)
    errors: list[str] = field(default_factory=list)
    torn: list[Answer] = field(default_factory=list)
    gone_back: int = 0  # a later question answered from an earlier run
    rss_bytes: int = 0


def make(home: Home, run: int, rows: int) -> None:
    """Replace every row, and record what a reader must find."""
    with open_build(home) as connection:
        connection.execute(
            "create or replace table core.price as"
            f" select n as offer, 'gpu ' || n % 150 as gpu_id, {run} as run,"
            f" (n * 7919 + {run} * 104729) % 100000 as cents from range({rows}) as made (n)"
        )
        connection.execute(
            "create or replace table marts.mark as"
            f" select {run} as run, count(*) as rows, sum(cents) as cents from core.price"
        )


def asked(connection: duckdb.DuckDBPyConnection, price: str, mark: str) -> Answer:
    """Ask one question."""
    return connection.execute(QUESTION.format(price=price, mark=mark)).fetchall()[0]


def answers(kind: str, home: Home) -> Iterator[Callable[[], Answer]]:
    """Yield the questions of one kind of reader, one after the other."""
    tables = "core.price", "marts.mark"
    while True:
        if kind == "newest":

            def newest() -> Answer:
                with open_published(home) as connection:
                    return asked(connection, *tables)

            yield newest
        elif kind == "pointer":

            def pointer() -> Answer:
                with duckdb.connect(home.published / POINTER, read_only=True) as connection:
                    return asked(connection, *tables)

            yield pointer
        elif kind == "parquet":

            def parquet() -> Answer:
                folder = (home.published / publication.PARQUET_POINTER).resolve()
                parts = [f"'{folder}/{table.replace('.', '/')}/*.parquet'" for table in tables]
                with duckdb.connect() as connection:
                    return asked(connection, *parts)

            yield parquet
        else:
            with open_published(home) as connection:
                path = Path(
                    connection.execute("select path from duckdb_databases()").fetchall()[0][0]
                )
                left = 20  # questions to a file that is no longer there
                while kind == "kept" or left:
                    left -= not path.exists()
                    yield partial(asked, connection, *tables)


def read(
    kind: str,
    home: Home,
    pause: float,
    start: Barrier,
    end: Event,
    reports: multiprocessing.Queue[Report],
) -> None:
    """Ask until the end, and report."""
    report, last = Report(kind), -1
    start.wait()
    for question in answers(kind, home):
        if end.wait(pause):
            break
        started = time.perf_counter()
        try:
            answer = question()
        except (duckdb.Error, RuntimeError, OSError) as error:
            report.errors.append(f"{kind}: {error}")
            continue
        report.seconds.append(time.perf_counter() - started)
        run, last_run, marked, rows, marked_rows, cents, marked_cents = answer
        if not (run == last_run == marked and rows == marked_rows and cents == marked_cents):
            report.torn.append(answer)
        report.gone_back += run < last
        report.runs.add(run)
        last = run
    report.rss_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    reports.put(report)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--readers", type=int, default=32)
    parser.add_argument("--pause", type=float, default=0.5, help="between two questions [s]")
    arguments = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory(prefix="truecost readers ") as folder:
        home = Home(Path(folder))
        make(home, 0, arguments.rows)
        publication.publish(home, "run-000000")
        start, end, reports = (
            context.Barrier(arguments.readers + 1),
            context.Event(),
            context.Queue(),
        )
        readers = [
            context.Process(
                target=read,
                args=(KINDS[n % len(KINDS)], home, arguments.pause, start, end, reports),
            )
            for n in range(arguments.readers)
        ]
        for reader in readers:
            reader.start()
        start.wait()
        ends, run, publishing = time.monotonic() + arguments.minutes * 60, 0, []
        while time.monotonic() < ends or run < LEAST_PUBLISHES:  # however busy the machine is
            run += 1
            make(home, run, arguments.rows)
            started = time.perf_counter()
            publication.publish(home, f"run-{run:06d}")
            publishing.append(time.perf_counter() - started)
        end.set()
        found = [reports.get() for _ in readers]
        for reader in readers:
            reader.join()
        kept = len(list(home.published.glob("truecost-*.duckdb")))
    wrong = [error for one in found for error in one.errors] + [
        f"{one.kind}: torn {answer}" for one in found for answer in one.torn
    ]
    gone_back = sum(one.gone_back for one in found)
    print(
        json.dumps(
            {
                "rows": arguments.rows,
                "publishes": run,
                "median_publish_s": round(statistics.median(publishing), 2),
                "runs_kept": kept,
                "errors": sum(len(one.errors) for one in found),
                "torn": sum(len(one.torn) for one in found),
                "gone_back": gone_back,
                "wrong": wrong[:5],
                "readers": {kind: summary(kind, found) for kind in dict.fromkeys(KINDS)},
            },
            indent=1,
        )
    )
    sys.exit(bool(wrong or gone_back))


def summary(kind: str, found: list[Report]) -> dict[str, float]:
    """Return what the readers of one kind saw together."""
    own = [one for one in found if one.kind == kind]
    seconds = sorted(second for one in own for second in one.seconds)
    if not seconds:
        return {"readers": len(own), "reads": 0}
    return {
        "readers": len(own),
        "reads": len(seconds),
        "runs_seen": len(set().union(*(one.runs for one in own))),
        "p50_s": round(seconds[len(seconds) // 2], 4),
        "p99_s": round(seconds[int(len(seconds) * 0.99)], 4),
        "most_s": round(seconds[-1], 4),
        "rss_mib": round(max(one.rss_bytes for one in own) / 2**20),
    }


if __name__ == "__main__":
    main()

"""``truecost sql``: a question in SQL to the published file, read-only.

The query runs in a process of its own (``sql_child``), which has limits and can write no file. This
module starts it, passes on its bytes as they come, and ends it. It imports no DuckDB: the child
does the work.
"""

from __future__ import annotations

import json
import math
import os
import selectors
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import IO

import click

from pipelines.child.limits import SMALL_HEAP
from pipelines.commands import Refused
from pipelines.commands.arguments import AtLeast
from pipelines.commands.moments import moment_options
from pipelines.commands.sql_child import FORMATS, Question
from pipelines.commands.targets import force_option, new_target

CHILD = (
    "import sys; sys.path[:] = sys.argv[1:]; from pipelines.commands.sql_child import main; main()"
)
PIECE_BYTES = 2**16
MOST_REASON_BYTES = 2**14


@click.command()
@click.argument("query")
@click.option(
    "--format",
    "output",
    type=click.Choice(FORMATS),
    default="table",
    show_default=True,
    help="How to print; parquet writes bytes to standard output or to --out.",
)
@click.option("--json", "output", flag_value="json", help="Short for --format json.")
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="Write to this new file."
)
@force_option
@click.option(
    "--max-seconds",
    type=click.FloatRange(0.1, 86_400),
    default=60,
    show_default=True,
    help="End a query that takes longer.",
)
@click.option(
    "--max-rows",
    type=AtLeast(1),
    default=1_000_000,
    show_default=True,
    help="Print so many rows at most.",
)
@click.option(
    "--max-memory-mib",
    type=AtLeast(64),
    default=1024,
    show_default=True,
    help="End a query that needs more memory.",
)
@click.option(
    "--threads",
    type=click.IntRange(1, 256),
    default=2,
    show_default=True,
    help="Threads of the query.",
)
@moment_options
def sql(
    query: str,
    output: str,
    out: Path | None,
    force: bool,
    max_seconds: float,
    max_rows: int,
    max_memory_mib: int,
    threads: int,
    as_of: str | None,
    known_on: str | None,
) -> None:
    """Ask the published warehouse one question in DuckDB SQL.

    The tables: core.gpu, core.offer_price, marts.offers_latest, marts.gpu_price_daily,
    marts.cost_per_flop, marts.inference_cost, marts.training_cost, meta.column (all of them, each
    column with its unit). The query cannot write, and cannot read files of this machine.

    \b
    truecost sql "from marts.offers_latest where gpu_id = 'H100-SXM-80GB' limit 5"
    truecost sql "from marts.cost_per_flop where precision = 'fp8'" --as-of 2026-08-01 --json
    """
    if output == "parquet" and out is None and sys.stdout.isatty():
        raise Refused("parquet is not for a screen: redirect it, or give --out FILE.parquet")
    if not math.isfinite(max_seconds):
        raise Refused("--max-seconds is not a number of seconds")
    question = Question(
        query=query,
        output=output,
        as_of=as_of,
        known_on=known_on,
        seconds=max_seconds,
        rows=max_rows,
        memory_bytes=max_memory_mib * 2**20,
        threads=threads,
    )
    with target(out, force) as file, running(question, is_file=out is not None) as child:
        pass_on(child, file, max_seconds)


def target(out: Path | None, force: bool) -> AbstractContextManager[IO[bytes]]:
    """Return what the answer is written to: standard output, or a file that appears when whole."""
    return nullcontext(sys.stdout.buffer) if out is None else new_target(out, force)


@contextmanager
def running(question: Question, *, is_file: bool) -> Iterator[subprocess.Popen[bytes]]:
    """Yield the process that answers a question; it has ended when the block ends."""
    encoding = "utf-8" if is_file else sys.stdout.encoding
    is_screen = sys.stdout.isatty() and not is_file
    environment = (
        os.environ
        | SMALL_HEAP
        | {
            "PYTHONIOENCODING": encoding,
            "TTY_COMPATIBLE": "1" if is_screen else "0",
        }
    )
    if is_screen:
        width, height = shutil.get_terminal_size()
        environment |= {"COLUMNS": str(width), "LINES": str(height)}
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, *sys.path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
    ) as child:
        try:
            assert child.stdin is not None
            child.stdin.write(json.dumps(asdict(question)).encode())
            child.stdin.close()
            yield child
        finally:
            child.kill()


def pass_on(child: subprocess.Popen[bytes], file: IO[bytes], seconds: float) -> None:
    """Write what a process answers, as it comes; refuse where it refuses, dies or takes too long.

    Time counts while we wait for the process, not while a reader makes us wait.
    """
    assert child.stdout is not None and child.stderr is not None
    reason, waited = b"", 0.0
    with selectors.DefaultSelector() as waiting:
        waiting.register(child.stdout, selectors.EVENT_READ)
        waiting.register(child.stderr, selectors.EVENT_READ)
        while waiting.get_map():
            began = time.monotonic()
            ready = waiting.select(max(seconds - waited, 0))
            waited += time.monotonic() - began
            if not ready and waited >= seconds:
                child.kill()
                raise Refused(took_too_long(seconds))
            for key, _ in ready:
                piece = os.read(key.fd, PIECE_BYTES)
                if not piece:
                    waiting.unregister(key.fileobj)
                elif key.fileobj is child.stdout:
                    file.write(piece)
                    file.flush()
                else:
                    reason = (reason + piece)[-MOST_REASON_BYTES:]
    if child.wait() == 0:
        return
    if child.returncode == 2:
        raise Refused(reason.decode(errors="replace").strip())
    if child.returncode == -signal.SIGXCPU:
        raise Refused(took_too_long(seconds))
    how = signal.Signals(-child.returncode).name if child.returncode < 0 else child.returncode
    said = (reason.decode(errors="replace").strip().splitlines() or [""])[-1]
    raise Refused(f"the query ended its process ({how}): simplify it, or give it more memory with"
                  f" --max-memory-mib. {said}")  # fmt: skip


def took_too_long(seconds: float) -> str:
    """Return the line that refuses a query by its time."""
    return f"the query takes over {seconds:g} s: narrow it, or give --max-seconds"

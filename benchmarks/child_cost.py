"""What the child process adds to the reading of all recorded answers, and to a whole run.

    python -m benchmarks.child_cost RECORDED [--rounds 3]
    python -m benchmarks.child_cost RECORDED --whole-run

RECORDED is the folder that ``TRUECOST_RECORDED`` names. Every recorded answer of every source is
filed in a new home and read: by turns in the child, as ``truecost run`` does, and in this process.
Both read the same bytes to the same rows; seconds are those of both processes together. With
``--whole-run`` the command ``truecost run --mirror`` runs on new homes instead, by turns with and
without the child; the replay server answers.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from pipelines.capture.landing import Landing
from pipelines.capture.manifest import Capture
from pipelines.capture.parsers import CHILD
from pipelines.reading import payload
from pipelines.reading.reader import parse_captures
from pipelines.sources import all_sources
from tests.pipelines.captures import filed
from tests.pipelines.sources.test_sources import recordings
from warehouse.database import open_published
from warehouse.paths import HOME_VARIABLE, Home

IN_CHILD = payload.in_child


RUN = """
import json, os, resource, sys, time
from pipelines import cli
from pipelines.capture import parsers
where, url = sys.argv[1:]
if where == "directly":
    parsers.CHILD.call = lambda limits, function, *args, **kwargs: function(*args, **kwargs)
began = time.monotonic()
try:
    cli.main(["run", "--mirror", url, "--quiet"])
except SystemExit as end:
    status = end.code
parsers.CHILD.close()
own, child = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
print(json.dumps({
    "where": where, "status": status, "wall_seconds": round(time.monotonic() - began, 1),
    "cpu_seconds": round(sum(os.times()[:4]), 1), "peak_mib": own.ru_maxrss // 1024,
    "peak_of_child_mib": child.ru_maxrss // 1024,
}))
"""


def whole_run(recorded: Path, where: str) -> dict[str, Any]:
    """Return what one run over the recordings costs, and what it published."""
    replay = subprocess.Popen(
        [sys.executable, str(recorded / "replay" / "serve.py"), "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert replay.stdout is not None
        url = next(word for word in replay.stdout.readline().split() if word.startswith("http"))
        with tempfile.TemporaryDirectory(prefix="truecost-child-") as folder:
            done = subprocess.run(
                [sys.executable, "-c", RUN, where, url],
                env={**os.environ, HOME_VARIABLE: folder},
                stdout=subprocess.PIPE,
                text=True,
                check=True,
            )
            found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
            with open_published(Home(Path(folder))) as connection:
                rows = connection.execute("select count(*) from core.offer_price").fetchall()
        return found | {"offer_prices": rows[0][0]}
    finally:
        replay.kill()
        replay.wait()


def directly(source: Any, function: Any, *args: Any) -> Any:
    """Call the function here."""
    return function(source, *args)


def captures(home: Home, recorded: Path) -> list[Capture]:
    """File every recorded answer that is not too large for memory."""
    Landing(home).prepare()
    return [
        filed(home, answer.content, source_id=name, key=answer.key, days=number)
        for name, source in all_sources().items()
        if not source.reads_path and not source.joins_pages
        for number, answer in enumerate(recordings(recorded, source, newest=False))
    ]


def seconds(recorded: Path, *, is_in_child: bool) -> tuple[float, float, int]:
    """Return wall time and CPU time [s] of reading everything, and the rows."""
    payload.in_child = IN_CHILD if is_in_child else directly
    with tempfile.TemporaryDirectory(prefix="truecost-child-") as folder:
        home = Home(Path(folder))
        asked = captures(home, recorded)
        began, before = time.monotonic(), sum(os.times()[:4])
        results = parse_captures(home, asked)
        wall = time.monotonic() - began
        CHILD.close()  # a child's CPU time counts when it has ended
        return wall, sum(os.times()[:4]) - before, sum(result.offers_kept for result in results)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recorded", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--whole-run", action="store_true")
    arguments = parser.parse_args()
    if arguments.whole_run:
        for _ in range(arguments.rounds):
            for where in ("in child", "directly"):
                print(json.dumps(whole_run(arguments.recorded, where)), flush=True)
        return
    runs: dict[bool, list[tuple[float, float, int]]] = {False: [], True: []}
    for _ in range(arguments.rounds):
        for is_in_child, found in runs.items():
            found.append(seconds(arguments.recorded, is_in_child=is_in_child))
    wall = {where: median(run[0] for run in found) for where, found in runs.items()}
    cpu = {where: median(run[1] for run in found) for where, found in runs.items()}
    print(
        json.dumps(
            {
                "rows": sorted({run[2] for found in runs.values() for run in found}),
                "wall_seconds_directly": round(wall[False], 2),
                "wall_seconds_in_child": round(wall[True], 2),
                "cpu_seconds_directly": round(cpu[False], 2),
                "cpu_seconds_in_child": round(cpu[True], 2),
                "cpu_ratio": round(cpu[True] / cpu[False], 2),
            },
            indent=1,
        )
    )


if __name__ == "__main__":
    main()

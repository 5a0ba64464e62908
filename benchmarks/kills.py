"""Kill the pipeline at random points and check that nothing is lost or duplicated.

    python benchmarks/kills.py [--kills 100] [--seed 1]

An invented source answers on 127.0.0.1 with other prices each day. A child process captures,
parses, builds and publishes day after day. It is killed (SIGKILL) a random time into a random
stage, and the next one continues. After each kill the published file opens, no capture and no
belief is duplicated, and every acknowledged day is there. At the end one more day runs completely.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from warehouse.database import open_build, open_published, published_files
from warehouse.models import table_exists
from warehouse.paths import Home

# How long after its beginning a stage is killed, at most [s].
STAGES = {"capture": 0.1, "parse": 0.1, "build": 1.5, "publish": 0.4}
CHILD = """
import sys
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from pipelines.derive.load import load
from pipelines.capture.parallel import capture
from pipelines.reading.ledger import pending_captures
from pipelines.reading.reader import has_reading, parse_captures
from pipelines.sources import all_sources
from warehouse import publication
from warehouse.paths import Home

home, mirror, day = Home(Path(sys.argv[1])), sys.argv[2], int(sys.argv[3])
source = all_sources()["runpod"]
print("stage start", flush=True)
while True:
    now = datetime(2026, 1, 1, 6, tzinfo=UTC) + timedelta(days=day)
    print("stage capture", flush=True)
    is_read = partial(has_reading, home)
    capture([source], home=home, is_read=is_read, clock=lambda: now, mirror=mirror)
    print("stage parse", flush=True)
    parse_captures(home, pending_captures(home, ["runpod"]))
    print("stage build", flush=True)
    load(home, now=now, run_id=f"day-{day:05d}")
    print("stage publish", flush=True)
    publication.publish(home, f"day-{day:05d}", keep=3)
    print(f"done {day}", flush=True)
    day += 1
"""


class Prices(BaseHTTPRequestHandler):
    """A price list that says another price at each request."""

    asked = 0

    def do_POST(self) -> None:
        """Answer with twenty cards."""
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        Prices.asked += 1
        cents = 200 + Prices.asked % 7
        cards = [
            {
                "id": f"NVIDIA Made {number}",
                "displayName": f"Made {number}",
                "memoryInGb": 80,
                "secureCloud": True,
                "communityCloud": True,
                "securePrice": (cents + number) / 100,
                "communityPrice": (cents + number - 50) / 100,
            }
            for number in range(20)
        ]
        content = json.dumps({"data": {"gpuTypes": cards}}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        with contextlib.suppress(OSError):  # the client was killed
            self.wfile.write(content)

    do_GET = do_POST  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Write no log."""


def faults(home: Home, acknowledged: int) -> list[str]:
    """Return what is wrong after a kill."""
    wrong = []
    if acknowledged >= 0:
        with open_published(home) as connection:
            [(last,)] = connection.execute("select max(seen_at) from core.offer_capture").fetchall()
            expected = datetime(2026, 1, 1, 6) + timedelta(days=acknowledged)  # noqa: DTZ001
            if last is None or last < expected:
                wrong.append(f"published up to {last}, acknowledged {expected}")
    for path in published_files(home):
        if not path.stat().st_size:
            wrong.append(f"{path.name} is empty")
    with open_build(home) as connection:
        if table_exists(connection, "core.offer_capture"):
            for what, sql in {
                "captures doubled": "select capture_id from core.offer_capture"
                " group by capture_id having count(*) > 1",
                "beliefs doubled": "select offer_key from core.offer_price"
                " where superseded_at is null and valid_to is null"
                " group by offer_key having count(*) > 1",
                "beliefs overlap": "select a.offer_key"
                " from core.offer_price a join core.offer_price b"
                " on a.offer_key = b.offer_key and a.valid_from < b.valid_from"
                " and coalesce(a.valid_to, timestamp 'infinity') > b.valid_from"
                " where a.superseded_at is null and b.superseded_at is null",
            }.items():
                found = connection.execute(sql).fetchall()
                if found:
                    wrong.append(f"{what}: {found[:3]}")
    return wrong


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    chance = random.Random(arguments.seed)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Prices)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    mirror = f"http://127.0.0.1:{server.server_address[1]}"
    stages: Counter[str] = Counter()
    wrong: list[str] = []
    acknowledged, day, days = -1, 0, 0
    with tempfile.TemporaryDirectory(prefix="truecost-kills-") as folder:
        home = Home(Path(folder))
        for number in range(arguments.kills + 1):
            child = subprocess.Popen(
                [sys.executable, "-c", CHILD, folder, mirror, str(day)],
                stdout=subprocess.PIPE,
                text=True,
            )
            assert child.stdout is not None
            stage = child.stdout.readline().split()[-1]
            target = chance.choice(list(STAGES)) if number < arguments.kills else None
            for line in child.stdout:
                word, value = line.split()
                if word == "done":
                    acknowledged, day = int(value), int(value) + 1
                    days += 1
                    if number == arguments.kills:
                        child.kill()
                else:
                    stage = value
                    if stage == target:
                        threading.Timer(chance.uniform(0.0, STAGES[stage]), child.kill).start()
                        target = None
            child.wait()
            stages[stage] += number < arguments.kills
            day += 1  # the interrupted day stays incomplete; its landing is merged later
            wrong += faults(home, acknowledged)
        left_over = [path.name for path in home.published.glob(".*.tmp")]
    server.shutdown()
    print(
        json.dumps(
            {
                "kills": sum(stages.values()),
                "by_stage": dict(stages),
                "days_acknowledged": days,
                "wrong": wrong[:5],
                "left_over": left_over,
            }
        )
    )
    sys.exit(bool(wrong or left_over))


if __name__ == "__main__":
    main()

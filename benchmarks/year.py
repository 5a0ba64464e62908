"""Live through a year of daily runs of the recorded day, and see what it leaves and costs.

    python benchmarks/year.py FOLDER [--days 365]

The replay server of the recorded payloads answers ($TRUECOST_RECORDED, else ../shared), and each
day some prices move: in a quarter of the answers, the last digit of some decimals. FOLDER holds the
data folder and ``year.csv``, one line a day: seconds and CPU seconds of the run, then bytes and
files by folder. A script that was stopped goes on after the last whole day. At the end it prints
days 10, 100 and 365 side by side, the last over the tenth, and the size.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import hashlib
import os
import random
import re
import resource
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from warehouse.paths import HOME_VARIABLE, PROJECT

FIRST = datetime(2026, 8, 10, 6, tzinfo=UTC)
FOLDERS = ("landing", "observations", "published", "dagster", "site", "build.duckdb")
SHOWN = (10, 100, 365)
DECIMAL = re.compile(rb"(?<![\d.])\d{1,3}\.\d{2,4}(?![\d.])")
MOVED = 0.04  # of the decimals of an answer that moves
MOVING = 0.25  # of the answers of a day
TEXT = ("json", "text", "csv", "html", "yaml", "javascript")


class Moving(BaseHTTPRequestHandler):
    """Recorded answers whose prices move with the day."""

    recorded = ""  # the address of the replay server
    day = 0

    def do_GET(self) -> None:
        """Answer a question."""
        self.answer(None)

    def do_POST(self) -> None:
        """Answer a question with a body."""
        self.answer(self.rfile.read(int(self.headers.get("Content-Length") or 0)))

    def answer(self, asked: bytes | None) -> None:
        """Pass a recorded answer on, with the moves of the day."""
        request = urllib.request.Request(f"{self.recorded}{self.path}", asked)
        try:
            with urllib.request.urlopen(request) as answer:
                status, kind, body = answer.status, answer.headers["Content-Type"], answer.read()
        except urllib.error.HTTPError as error:
            status, kind, body = error.code, "text/plain", error.read()
        if status == 200 and any(word in kind for word in TEXT):
            body = moved(body, self.path.encode() + (asked or b""), self.day)
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def moved(body: bytes, question: bytes, day: int) -> bytes:
    """Return an answer as it is on a day: each day moves some prices of some answers, for good."""
    seed = hashlib.sha256(question).hexdigest()
    last = next(
        (one for one in range(day, 0, -1) if random.Random(f"{seed} {one}").random() < MOVING), 0
    )
    if not last:
        return body
    chance = random.Random(f"{seed} {last}")

    def step(price: re.Match[bytes]) -> bytes:
        if chance.random() >= MOVED:
            return price[0]
        return price[0][:-1] + b"%d" % chance.randrange(10)

    return DECIMAL.sub(step, body)


@contextlib.contextmanager
def mirror(recorded: Path) -> Iterator[str]:
    """Yield the address of the moving recordings."""
    command = [sys.executable, str(recorded / "replay" / "serve.py"), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as replay:
        assert replay.stdout is not None
        Moving.recorded = replay.stdout.readline().strip()
        server = ThreadingHTTPServer(("127.0.0.1", 0), Moving)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            server.server_close()
            replay.kill()


def live(home: Path, url: str, day: int) -> tuple[float, float]:
    """Run one day, and return its seconds and CPU seconds.

    Raises
    ------
    RuntimeError
        If the run did not publish.
    """
    Moving.day = day
    now = FIRST + timedelta(days=day - 1)
    began, cpu_before = time.monotonic(), cpu_of_children()
    command = [sys.executable, "-m", "pipelines.cli", "run", "--quiet", "--mirror", url,
               "--now", now.isoformat()]  # fmt: skip
    done = subprocess.run(
        command,
        cwd=PROJECT,
        env={**os.environ, HOME_VARIABLE: str(home)},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"day {day} ended with status {done.returncode}: {done.stderr[-2000:]}")
    return time.monotonic() - began, cpu_of_children() - cpu_before


def cpu_of_children() -> float:
    """Return what all ended child processes have used [CPU s]."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def sizes(home: Path) -> dict[str, int]:
    """Return bytes on disk and files, by folder and in all; what is linked counts once."""
    found: dict[str, int] = {}
    seen: set[int] = set()
    for name in FOLDERS:
        top = home / name
        paths = [top] if top.is_file() else top.rglob("*")
        states = {one.st_ino: one for one in (p.lstat() for p in paths if p.is_file())}
        fresh = [one for inode, one in states.items() if inode not in seen]
        seen |= states.keys()
        found[f"{name} bytes"] = sum(one.st_blocks * 512 for one in fresh)
        found[f"{name} files"] = len(fresh)
    for what in ("bytes", "files"):
        found[f"all {what}"] = sum(n for name, n in found.items() if name.endswith(what))
    return found


def year(folder: Path, days: int, recorded: Path) -> list[dict[str, str]]:
    """Live through the days that are still to come, and return the lines of all.

    Parameters
    ----------
    folder : Path
        Holds ``home`` and ``year.csv``.
    days : int
        The last day.
    recorded : Path
        The folder of recorded payloads and their replay server.
    """
    table = folder / "year.csv"
    folder.mkdir(parents=True, exist_ok=True)
    lived = len(lines(table))
    with mirror(recorded) as url:
        for day in range(lived + 1, days + 1):
            seconds, cpu = live(folder / "home", url, day)
            line = {"day": day, "seconds": round(seconds, 1), "cpu_seconds": round(cpu, 1)}
            line |= sizes(folder / "home")
            with table.open("a", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, list(line))
                if day == 1:
                    writer.writeheader()
                writer.writerow(line)
    return lines(table)


def lines(table: Path) -> list[dict[str, str]]:
    """Return the days that were lived through."""
    if not table.exists():
        return []
    with table.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def main() -> None:
    """Live, then print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--days", type=int, default=365)
    options = parser.parse_args()
    recorded = Path(os.environ.get("TRUECOST_RECORDED") or PROJECT.parent / "shared")
    lived = year(options.folder, options.days, recorded)
    shown = [lived[day - 1] for day in SHOWN if day < len(lived)] + lived[-1:]
    for name in lived[-1]:
        print(f"{name:20}", *(f"{line[name]:>15}" for line in shown))
    if len(lived) > 10:
        tenth, last = (float(lived[day]["cpu_seconds"]) for day in (9, -1))
        print(f"last day over the tenth, CPU: {last / tenth:.2f}")


if __name__ == "__main__":
    main()

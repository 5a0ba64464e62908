"""Kill whole commands at random moments, and check the data folder after each kill.

    python -m benchmarks.kills_of_commands FOLDER [--kills 200] [--seed 1] [--command site]

``run``, ``backfill``, ``rebuild``, ``tidy``, ``package`` and ``site`` work on a home in FOLDER, on
prices of an invented server on 127.0.0.1; ``pull`` copies what it published to a second home; the
clock of ``tidy`` is a year ahead, so that every capture is old. Each command is killed (SIGKILL)
one to five times in a row, at a moment between its start and the time that it takes, and then
repeated to its end. After each kill ``truecost verify`` finds nothing wrong, and what a run
acknowledged is published; after the end nothing unfinished is left. FOLDER/kills.jsonl has a line
for each kill: the same command continues there.

A command is forked from a process that has imported its modules and done nothing else: a kill costs
no import, and every moment lies in the command's own work. Quick commands get more of the kills.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import shutil
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from http.server import ThreadingHTTPServer
from multiprocessing.context import ForkProcess
from pathlib import Path
from typing import Any

import click

from benchmarks.kills import Prices
from pipelines import cli
from pipelines.answers.push import push
from pipelines.commands import tidy
from warehouse.database import POINTER, DatabaseError, open_published
from warehouse.paths import HOME_VARIABLE, Home

# Shares of the kills: those of a run, a backfill and a rebuild take ten times as long.
COMMANDS = {"run": 3, "backfill": 2, "rebuild": 2, "tidy": 6, "pull": 6, "package": 6, "site": 7}
PAST = datetime(2026, 1, 1, 6, tzinfo=UTC)
MAX_IN_A_ROW = 5
HEADER = (
    "date,provider,gpu_model,gpu_count,region,rental_type,price_median_usd,source_url,fetched_at\n"
)


class Lists(Prices):
    """The prices of today, and a file with fifty days of the past, both new at each request."""

    def do_GET(self) -> None:  # noqa: N802  the name that http.server asks for
        """Answer with the past."""
        Prices.asked += 1
        days = [PAST - timedelta(days=number) for number in range(1, 51)]
        content = HEADER + "".join(
            f"{day:%Y-%m-%d},lambda,H100_SXM,{gpus},us,on_demand,{gpus}.{Prices.asked % 90 + 10}"
            f",https://lambda.ai/service,{day:%Y-%m-%dT%H:%M:%SZ}\n"
            for day in days
            for gpus in (1, 2, 4, 8)
        )
        self.send_response(200)
        self.send_header("Content-Type", "text/csv")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content.encode())


def serving(server: ThreadingHTTPServer) -> None:
    """Serve prices until the process that started this one ends."""
    parent = os.getppid()
    server.timeout = 1.0
    while os.getppid() == parent:
        server.handle_request()


def forked(work: Callable[..., Any], *arguments: Any) -> ForkProcess:
    """Start a function in a copy of this process, which has opened nothing and has one thread."""
    process = multiprocessing.get_context("fork").Process(target=work, args=arguments)
    process.start()
    return process


def load_commands() -> None:
    """Import what the commands import when they run."""
    import pipelines.answers.package
    import pipelines.answers.pull
    import pipelines.answers.verify
    import pipelines.definitions
    import pipelines.jobs.runner
    import pipelines.jobs.storage
    import pipelines.jobs.tidying  # noqa: F401  once, before each command is forked

    with click.Context(cli.truecost) as context:
        for name in (*COMMANDS, "verify"):
            cli.truecost.get_command(context, name)


class Later(datetime):
    """The clock a year from now."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Later:
        """Return the moment a year after this one."""
        return super().now(tz) + timedelta(days=365)


class Campaign:
    """One home, and what was acknowledged in it."""

    def __init__(self, folder: Path, mirror: str) -> None:
        self.home = Home(folder / "home")
        self.pulled = Home(folder / "pulled")
        self.folder = folder
        self.mirror = mirror
        self.acknowledged = PAST  # the start of the last run that ended well
        self.begun = PAST  # the last start
        self.seconds: dict[str, float] = {}  # that a command took

    def arguments(self, command: str) -> list[str]:
        """Return the command line."""
        match command:
            case "run":
                return ["run", "--source", "runpod", "--mirror", self.mirror]
            case "backfill":
                return ["backfill", "gpu_pricing_tracker", "--again", "--mirror", self.mirror]
            case "package":
                return ["package", "--out", str(self.folder / "package")]
            case "pull":
                return ["pull", str(self.folder / "host")]
            case "tidy":
                return ["tidy", "--days", "1"]
        return [command]

    def prepare(self, command: str, *, is_new: bool) -> None:
        """Give ``pull`` the newest run, and a home that has none of it or another one."""
        if command == "pull":
            push(self.home, self.folder / "host")
            if is_new:
                shutil.rmtree(self.pulled.root, ignore_errors=True)

    def started(
        self, arguments: list[str], home: Home, also: Callable[[], None] | None = None
    ) -> ForkProcess:
        """Start a command; what it complains about goes to a file."""
        self.begun = datetime.now(UTC)
        return forked(self._work, arguments, home, also)

    def _home(self, command: str) -> Home:
        return self.pulled if command == "pull" else self.home

    def _work(self, arguments: list[str], home: Home, also: Callable[[], None] | None) -> None:
        os.setsid()
        os.environ[HOME_VARIABLE] = str(home.root)
        if arguments[0] == "tidy":
            # A forked child that soon dies: its clock is set in the module, not for a test's time.
            tidy.datetime = Later  # type: ignore[attr-defined]
        for number, name in ((1, os.devnull), (2, self.folder / "stderr")):
            os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), number)
        try:
            cli.main(arguments)
        except SystemExit as end:
            if end.code or also is None:
                raise
        if also is not None:
            also()

    def killed(self, command: str, after: float) -> bool:
        """Kill a command so long after its start; return whether it still ran."""
        process = self.started(self.arguments(command), self._home(command))
        process.join(after)
        if process.exitcode is None:
            process.kill()
        process.join()
        if process.exitcode == -signal.SIGKILL:
            return True
        self._acknowledge(command, process.exitcode)
        return False

    def finished(self, command: str) -> str:
        """Run a command to its end; return what it complained about."""
        begun = time.monotonic()
        process = self.started(self.arguments(command), self._home(command))
        process.join()
        self.seconds[command] = time.monotonic() - begun
        self._acknowledge(command, process.exitcode)
        return f"{command} ends with {process.exitcode}: {self._said()}" if process.exitcode else ""

    def _said(self) -> list[str]:
        return (self.folder / "stderr").read_text().strip().splitlines()[-3:]

    def _acknowledge(self, command: str, status: int | None) -> None:
        if command == "run" and status == 0:
            self.acknowledged = self.begun

    def faults(self, command: str) -> list[str]:
        """Return what is wrong with the data folder that a command worked in."""
        if command == "pull":
            if not (self.pulled.published / POINTER).exists():
                return []  # killed before there was a run
            process = self.started(["verify"], self.pulled)
        else:
            process = self.started(["verify"], self.home, self._refuse_loss)
        process.join()
        said = self._said()
        return [f"verify ends with {process.exitcode}: {said}"] if process.exitcode else []

    def _refuse_loss(self) -> None:
        """End with status 1 if what a run acknowledged is not published."""
        try:
            with open_published(self.home) as connection:
                [(last,)] = connection.execute(
                    "select max(seen_at) from core.offer_capture where source_id = 'runpod'"
                ).fetchall()
        except DatabaseError as error:
            sys.exit(str(error))
        expected = self.acknowledged.replace(tzinfo=None)
        if last is None or last.replace(tzinfo=None) < expected:
            sys.exit(f"published up to {last}, acknowledged {expected}")

    def left_over(self) -> list[str]:
        """Return unfinished files that a command leaves, other than those swept after an hour."""
        folders = (self.home.root, self.home.published, self.folder, self.pulled.published)
        return [
            str(path.relative_to(self.folder))
            for folder in folders
            for pattern in (".*.tmp", ".truecost-package", ".site.*")
            for path in folder.glob(pattern)
        ] + [str(path) for path in self.pulled.root.glob("pulled")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--command", dest="commands", action="append", choices=COMMANDS, help="only this; repeat"
    )
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    ledger = arguments.folder / "kills.jsonl"
    before = (
        [json.loads(line) for line in ledger.read_text().splitlines()] if ledger.exists() else []
    )
    chance = random.Random(arguments.seed + len(before))
    server = ThreadingHTTPServer(("127.0.0.1", 0), Lists)
    serves = forked(serving, server)
    load_commands()
    campaign = Campaign(arguments.folder, f"http://127.0.0.1:{server.server_address[1]}")
    if before:
        campaign.acknowledged = datetime.fromisoformat(before[-1]["acknowledged"])
        campaign.seconds = {line["command"]: line["of_seconds"] for line in before}
    commands = arguments.commands or list(COMMANDS)
    shares = [COMMANDS[command] for command in commands]
    first = [command for command in commands if command not in campaign.seconds]
    if not before:
        first = ["run", *first]  # the first run takes longer than those that follow
    wrong = []
    for command in first:
        campaign.prepare(command, is_new=True)
        wrong += [what] if (what := campaign.finished(command)) else []
    lines, number = list(before), len(before)
    while number < arguments.kills and not wrong:
        [command] = chance.choices(commands, shares)
        campaign.prepare(command, is_new=chance.random() < 0.5)
        for _ in range(chance.randint(1, MAX_IN_A_ROW)):
            after = chance.uniform(0.0, campaign.seconds[command])
            if not campaign.killed(command, after):
                continue
            found = campaign.faults(command)
            wrong += found
            number += 1
            lines.append(
                {
                    "command": command,
                    "after_seconds": round(after, 2),
                    "of_seconds": round(campaign.seconds[command], 2),
                    "wrong": found,
                    "acknowledged": campaign.acknowledged.isoformat(),
                }
            )
            with ledger.open("a") as file:
                file.write(json.dumps(lines[-1]) + "\n")
        ended = campaign.finished(command)
        wrong += [ended] if ended else []
        wrong += campaign.faults(command)
    left_over = [*campaign.left_over()]
    serves.kill()
    by_command = Counter(line["command"] for line in lines)
    print(
        json.dumps(
            {"kills": len(lines), "by_command": by_command, "wrong": wrong, "left_over": left_over}
        )
    )
    sys.exit(bool(wrong or left_over))


if __name__ == "__main__":
    main()

"""``truecost run``: run the two jobs now, with progress and the answer at the end.

They are the jobs that the schedules run, executed in this process, and the Dagster UI lists them.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import click

from pipelines.capture import MIRROR_VARIABLE
from pipelines.commands import Refused
from pipelines.commands.arguments import answering_mirror, known_sources, usable_home
from pipelines.commands.tidy import tidied
from pipelines.text import one_line

MAIN_GPUS = ("H100-SXM-80GB", "H200-SXM-141GB", "B200-180GB", "A100-SXM-80GB", "MI300X-192GB",
             "L40S-48GB", "RTX4090-24GB")  # fmt: skip


@click.command()
@click.option("--source", "sources", multiple=True, help="Only this source (repeat for more).")
@click.option("--mirror", help="Ask URL/HOST/PATH instead of https://HOST/PATH, for every source.")
@click.option("--now", "now_text", help="Take this instant for now (ISO 8601; UTC unless said).")
@click.option("--offline", is_flag=True, help="Send no requests: build from what is already here.")
@click.option("--catalog", help="Share with other machines through this lake (truecost lake).")
@click.option("--data-path", help="Where the data of a new lake go: a folder or s3://...")
@click.option("--no-build", is_flag=True, help="Only capture, and share: another machine builds.")
@click.option("--strict", is_flag=True, help="Exit with status 1 if a source failed.")
@click.option("--quiet", "-q", is_flag=True, help="Print only what went wrong.")
def run(
    sources: tuple[str, ...],
    mirror: str | None,
    now_text: str | None,
    offline: bool,
    catalog: str | None,
    data_path: str | None,
    no_build: bool,
    strict: bool,
    quiet: bool,
) -> None:
    """Capture every source, build the warehouse, derive the costs, publish, print the answers.

    A source that fails keeps its last good rows, marked stale; the others continue. The status is 1
    if no source answered. Without a network and without data, the bundled snapshot is used, the
    output names its date, and the status is 0.

    \b
    truecost run
    truecost run --source runpod --source vast
    truecost run --mirror http://127.0.0.1:8000 --now 2026-07-20T06:00
    """
    now = instant(now_text)
    known_sources(sources)
    mirror = None if offline else answering_mirror(mirror)
    lake = lake_of(catalog, data_path)
    home = usable_home(now, is_built=not no_build)
    from pipelines.answers.alarm_notices import tell_after_publication, tell_of_failed_run
    from pipelines.jobs.instance import prepare_instance
    from pipelines.jobs.runner import run_job
    from warehouse.database import DataFolderError, exclusive

    prepare_instance(home)
    settings: dict[str, Any] = {"named": list(sources)}
    if mirror:
        os.environ[MIRROR_VARIABLE] = mirror
    if now is not None:
        settings["now"] = now.isoformat()
    clock = (now or datetime.now(UTC)).replace(tzinfo=None)
    screen = Screen(quiet)
    started = time.monotonic()
    try:
        if not offline:
            assets = [("sources", name) for name in sources]
            screen.start("Asking the sources")
            succeeded, error = run_job("capture", settings, assets or None, screen)
            screen.stop()
            if not succeeded and not screen.is_unanswered:
                say_undelivered(tell_of_failed_run(home, "capture", error, clock))
                raise click.ClickException(f"capture failed: {error}")
        if lake is not None:
            share_captures(home, lake, no_build, screen)
        if no_build:
            tidy_at_end(home, now)
            return
        screen.start("Building")
        with exclusive(home, "build"):
            succeeded, error = run_job("build", settings, listener=screen)
        screen.stop()
    except DataFolderError as error_of_lock:  # what was captured waits for the next build
        screen.stop()
        raise Refused(str(error_of_lock)) from error_of_lock
    if not succeeded:
        say_undelivered(tell_of_failed_run(home, "build", error, clock))
        raise Failed(f"build failed: {error}")
    say_undelivered(tell_after_publication(home, clock))
    if lake is not None:
        push_build(home, lake, screen)
    tidy_at_end(home, now)
    if not quiet:
        from pipelines.commands.headline import print_headline

        print_headline(MAIN_GPUS)
        click.echo(f"\nDone in {time.monotonic() - started:.1f} s. {screen.summary()}")
    from pipelines.reading.whole import has_readings

    if screen.is_without_network and not has_readings(home) and not strict:
        return  # a first look at the bundled prices, as the first line says
    if screen.is_unanswered or (strict and (screen.failed or screen.partial)):
        sys.exit(1)


def tidy_at_end(home: Any, now: datetime | None) -> None:
    """Tidy up. An error is printed and does not fail the run: tomorrow's run tidies up too."""
    try:
        tidied(home, now or datetime.now(UTC))
    except Refused as untidy:
        click.echo(untidy.format_message(), err=True)


def say_undelivered(lines: Sequence[str]) -> None:
    """Print on standard error which alarms reached nobody."""
    for line in lines:
        click.echo(f"alarm not delivered: {line}", err=True)


def lake_of(catalog: str | None, data_path: str | None) -> Any:
    """Return the lake that is meant, or None where the run is of one machine."""
    if not (catalog or os.environ.get("TRUECOST_CATALOG")):
        return None
    from pipelines.commands.lake import address

    return address(catalog, data_path)


def share_captures(home: Any, lake: Any, no_build: bool, screen: Any) -> None:
    """Share the captures of this machine through the lake, and fetch those of others to build."""
    from pipelines.commands.lake import refusing
    from pipelines.lake.captures import fetch, share

    with refusing():
        screen.line(f"{share(home, lake)} captured files shared")
        if not no_build:
            screen.line(f"{fetch(home, lake)} captured files of other machines")


def push_build(home: Any, lake: Any, screen: Any) -> None:
    """Push the run that has just been published to the lake."""
    from pipelines.commands.lake import refusing
    from pipelines.lake.runs import push

    with refusing():
        report = push(home, lake)
    screen.line(f"the lake is at snapshot {report.snapshot}: run {report.run_id}")


NO_NETWORK = frozenset({"unreachable", None})
YEARS = range(2000, 2101)  # of --now


class Failed(click.ClickException):
    """The run itself failed and published nothing; the previous publication is unchanged."""


def instant(text: str | None) -> datetime | None:
    """Return the instant of ``--now`` in UTC, or refuse it in one line."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Refused(
            f"--now {text!r} is not a date; give ISO 8601,"
            " such as 2026-07-20 or 2026-07-20T06:00:00Z"
        ) from error
    if moment.year not in YEARS:
        raise Refused(f"--now {text!r} is outside the years {YEARS[0]} to {YEARS[-1]}")
    return moment


class Screen:
    """What a person sees while it works: one line a source, a bar, and lines of the build."""

    def __init__(self, quiet: bool) -> None:
        from rich.console import Console

        self.console = Console(stderr=True, quiet=quiet)
        if not self.console.is_terminal:
            self.console.width = 160
        self.failed: list[str] = []
        self.partial: list[str] = []
        self.skipped: list[str] = []
        self.ok: list[str] = []
        self.reasons: set[str | None] = set()  # why sources failed
        self.bar: Any = None

    def start(self, title: str) -> None:
        """Show a bar for one job."""
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
        )

        self.bar = Progress(
            TextColumn("[bold]{task.description}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=self.console,
            transient=True,
            disable=not self.console.is_terminal,
        )
        self.bar.start()
        self.task = self.bar.add_task(title, total=None)
        if not self.console.is_terminal:
            self.console.print(f"{title} ...", highlight=False)

    def stop(self) -> None:
        """Remove the bar."""
        self.bar.stop()

    def source_asked(self, step: Any) -> None:
        """Advance the bar when a source has answered."""
        if step.status != "running":
            self.bar.advance(self.task)

    def table_made(self, table: str, rows: int | None) -> None:
        """Advance the bar."""
        self.bar.advance(self.task)

    def past_asked(self, source_id: str, done: int, total: int) -> None:
        """Ignore the past, which a run does not ask for."""

    def past_read(self, read: Any) -> None:
        """Ignore the past, which a run does not ask for."""

    def line(self, text: str) -> None:
        """Print one line of progress."""
        self.console.print(f"  {one_line(text)}", style="dim", highlight=False, markup=False)

    def source_read(self, result: Any, lines: Sequence[Any]) -> None:
        """Print one line for one source."""
        from rich.text import Text

        from pipelines.reading.ledger import source_state

        kept, held = sum(x.offers_kept for x in lines), sum(x.offers_held for x in lines)
        errors = [text for text in (result.error, *(line.error for line in lines)) if text]
        state = source_state(lines) if lines else result.status
        status = {"unchanged": "ok", "quarantined": "held"}.get(state, state)
        bucket = {"skipped": self.skipped, "partial": self.partial, "ok": self.ok}
        bucket.get(status, self.failed).append(result.source_id)
        if status not in bucket:
            self.reasons |= {request.error_class for request in result.capture.requests}
        if status == "skipped" and "skipped: set" not in (result.error or ""):
            return
        style = {"ok": "green", "skipped": "dim", "partial": "yellow"}.get(status, "red")
        note = f"{held} held" if held else ""
        if errors:
            note = one_line(errors[0].removeprefix(f"{result.source_id}: "))
        line = Text.assemble(
            "  ",
            (f"{status:8}", style),
            f" {result.source_id:22}{kept:>8,} rows {result.seconds:5.1f} s  ",
            (note, "dim"),
        )
        self.console.print(line, no_wrap=True, overflow="ellipsis", crop=True)

    @property
    def is_unanswered(self) -> bool:
        """Return whether sources were asked and none answered."""
        return bool(self.failed) and not (self.ok or self.partial)

    @property
    def is_without_network(self) -> bool:
        """Return whether no source could even be reached."""
        return self.is_unanswered and self.reasons <= NO_NETWORK

    def summary(self) -> str:
        """Return the closing line on the sources."""
        parts = [f"{len(self.ok)} sources answered"] if self.ok else []
        if self.partial:
            parts.append(f"{len(self.partial)} answered in part ({', '.join(self.partial)})")
        if self.is_unanswered:
            parts.append(f"none of the {len(self.failed)} sources asked has answered: no network?")
        elif self.failed:
            parts.append(f"{len(self.failed)} failed ({', '.join(self.failed)})")
        if self.skipped:
            parts.append(f"{len(self.skipped)} skipped (truecost sources says why)")
        return "; ".join(parts) + "." if parts else ""

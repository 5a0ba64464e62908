"""``truecost backfill``: what sources said in the past.

Capturing it belongs to ``pipelines.capture.backfill``. Imports that are slow are inside the
functions, so that ``truecost --help`` stays fast.
"""

from __future__ import annotations

import os
import sys
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import click
from click.termui import progressbar

from pipelines.capture import MIRROR_VARIABLE
from pipelines.commands import Refused
from pipelines.commands.arguments import answering_mirror, known_sources, usable_home
from pipelines.commands.rebuild import run_build
from pipelines.defs.progress import Silent

if TYPE_CHECKING:
    from click._termui_impl import ProgressBar

    from pipelines.capture.backfill import Backfilled
    from pipelines.reading.past import PastRead


def day(context: click.Context, option: click.Parameter, text: str | None) -> date | None:
    """Return the day of an option, or refuse the command."""
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise Refused(f"{option.opts[0]} {text!r} is not a day; give YYYY-MM-DD") from error


@click.command()
@click.argument("sources", nargs=-1)
@click.option("--since", callback=day, help="First day wanted (YYYY-MM-DD).")
@click.option("--until", callback=day, help="Last day wanted (YYYY-MM-DD).")
@click.option(
    "--every",
    type=click.Choice(["day", "week", "month"]),
    default="day",
    show_default=True,
    help="Of a file with many versions: the last of each day, week or month.",
)
@click.option("--mirror", help="Ask URL/HOST/PATH instead of https://HOST/PATH.")
@click.option(
    "--again", is_flag=True, help="Ask again for what is captured already, to record corrections."
)
@click.option(
    "--reparse",
    is_flag=True,
    help="Request nothing: parse the payloads in landing again, with the present parser.",
)
@click.option("--no-build", is_flag=True, help="Capture only; the next run builds.")
def backfill(
    sources: tuple[str, ...],
    since: date | None,
    until: date | None,
    every: Any,
    mirror: str | None,
    again: bool,
    reparse: bool,
    no_build: bool,
) -> None:
    """Capture what SOURCES said in the past, as far as it is available, and build.

    Prices have the date of the material and are known since today. After an interruption the same
    command continues; a second time it adds nothing.

    \b
    truecost backfill gpu_pricing_tracker cloud_gpus
    truecost backfill gcp_pricing_yml --every month --since 2022-01-01
    """
    from pipelines.jobs.instance import prepare_instance
    from pipelines.jobs.runner import run_job
    from pipelines.reading.ledger import pending_captures
    from pipelines.reading.reader import parse_captures
    from pipelines.reading.refile import refile
    from pipelines.sources import all_sources

    known = all_sources()
    with_past = [name for name, source in known.items() if source.past is not None]
    if not sources:
        raise Refused(f"name a source whose past is available, such as {', '.join(with_past)}")
    known_sources(sources)
    mirror = None if reparse else answering_mirror(mirror)
    home = usable_home(is_built=not no_build)
    failures: list[str] = []
    if reparse:
        for name in sources:
            filed = refile(known[name], home=home, recorded_at=datetime.now(UTC))
            parse_captures(home, pending_captures(home, [name]))
            click.echo(f"{name}: {filed} captures of an older parser parsed again")
    else:
        prepare_instance(home)
        if mirror:
            os.environ[MIRROR_VARIABLE] = mirror
        settings = {
            "named": list(sources),
            "past": True,
            "since": since.isoformat() if since else "",
            "until": until.isoformat() if until else "",
            "every": every,
            "again": again,
        }
        screen = Screen()
        succeeded, error = run_job(
            "capture", settings, [("sources", name) for name in sources], screen
        )
        screen.close()
        if screen.refusals:
            raise Refused(screen.refusals[0])
        failures = screen.failures
        if not succeeded and not failures:
            raise click.ClickException(f"capture failed: {error}")
    for failure in failures:
        click.echo(f"truecost backfill: {failure}", err=True)
    if not no_build:
        failed = run_build(home)
        if failed:
            raise click.ClickException(failed)
    if failures:
        raise SystemExit(1)


class Screen(Silent):
    """What a person sees while the past is asked for: a bar, and a line a source."""

    def __init__(self) -> None:
        self.bar: ProgressBar[int] | None = None
        self.failures: list[str] = []
        self.refusals: list[str] = []

    def past_asked(self, source_id: str, done: int, total: int) -> None:
        """Move the bar of a source."""
        if self.bar is None:
            self.bar = progressbar(length=total, label=f"{source_id:24}", file=sys.stderr)
            self.bar.__enter__()
        self.bar.update(done - self.bar.pos)

    def past_read(self, read: PastRead) -> None:
        """Print one line for a source."""
        self.close()
        if read.result:
            click.echo(line(read.result, sum(one.offers_kept for one in read.lines)))
        if read.error:
            known = self.refusals if read.is_refused else self.failures
            known.append(
                read.error if read.result or read.is_refused else f"{read.source_id}: {read.error}"
            )
        self.failures += sorted({x.error for x in read.lines if x.error and x.status == "failed"})[
            :3
        ]

    def close(self) -> None:
        """End the bar."""
        if self.bar:
            self.bar.__exit__(None, None, None)
            self.bar = None


def line(result: Backfilled, rows: int) -> str:
    """Return the outcome of one source in one line."""
    span = f", {result.first:%Y-%m-%d} to {result.last:%Y-%m-%d}" if result.first else ""
    failed = f", {result.failed} failed" if result.failed else ""
    return (
        f"{result.source_id}: {result.filed} days captured{span}, {rows} rows;"
        f" {result.known} captured before{failed}"
    )

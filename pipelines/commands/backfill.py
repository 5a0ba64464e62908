"""``truecost backfill``: what sources said in the past.

Capturing it belongs to ``pipelines.capture.backfill``. Imports that are slow are inside the
functions, so that ``truecost --help`` stays fast.
"""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import click
from click.termui import progressbar

from pipelines.commands import Refused
from pipelines.commands.arguments import answering_mirror, known_sources, usable_home
from pipelines.commands.rebuild import run_build

if TYPE_CHECKING:
    from click._termui_impl import ProgressBar

    from pipelines.capture.backfill import Backfilled


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
    from pipelines.capture.backfill import NoHistoryError
    from pipelines.capture.backfill import backfill as file_past
    from pipelines.capture.http.errors import FetchError
    from pipelines.capture.parsers import UNREADABLE
    from pipelines.reading.ledger import pending_captures
    from pipelines.reading.reader import has_reading, parse_captures
    from pipelines.reading.refile import refile
    from pipelines.sources import all_sources

    known = all_sources()
    with_past = [name for name, source in known.items() if source.past is not None]
    if not sources:
        raise Refused(f"name a source whose past is available, such as {', '.join(with_past)}")
    known_sources(sources)
    mirror = None if reparse else answering_mirror(mirror)
    home = usable_home(is_built=not no_build)
    recorded_at = datetime.now(UTC)
    failures = []
    for name in sources if reparse else ():
        filed = refile(known[name], home=home, recorded_at=recorded_at)
        parse_captures(home, pending_captures(home, [name]))
        click.echo(f"{name}: {filed} captures of an older parser parsed again")
    for name in () if reparse else sources:
        with progressbar(length=1, label=f"{name:24}", file=sys.stderr) as bar:

            def show(done: int, total: int, at: datetime, bar: ProgressBar[int] = bar) -> None:
                bar.length = total
                bar.update(done - bar.pos)

            try:
                result = file_past(
                    known[name],
                    home=home,
                    recorded_at=recorded_at,
                    since=since,
                    until=until,
                    every=every,
                    mirror=mirror,
                    is_again=again,
                    is_read=partial(has_reading, home),
                    progress=show,
                )
            except NoHistoryError as error:
                raise Refused(str(error)) from error
            except (FetchError, *UNREADABLE) as error:
                failures.append(f"{name}: {error}")
                continue
        read = parse_captures(home, pending_captures(home, [name]))
        click.echo(line(result, sum(one.offers_kept for one in read)))
        if result.error:
            failures.append(f"{name}: {result.error}")
        failures += sorted({one.error for one in read if one.error and one.status == "failed"})[:3]
    for failure in failures:
        click.echo(f"truecost backfill: {failure}", err=True)
    if not no_build:
        failed = run_build(home)
        if failed:
            raise click.ClickException(failed)
    if failures:
        raise SystemExit(1)


def line(result: Backfilled, rows: int) -> str:
    """Return the outcome of one source in one line."""
    span = f", {result.first:%Y-%m-%d} to {result.last:%Y-%m-%d}" if result.first else ""
    failed = f", {result.failed} failed" if result.failed else ""
    return (
        f"{result.source_id}: {result.filed} days captured{span}, {rows} rows;"
        f" {result.known} captured before{failed}"
    )

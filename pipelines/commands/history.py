"""``truecost backfill``, ``rebuild``, ``verify``, ``restore``: what was, and whether it is whole.

Filing the past belongs to ``pipelines.backfill``, publishing and restoring to
``warehouse.publication``.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import click

from pipelines.commands import Refused
from pipelines.commands.arguments import answering_mirror, known_sources, usable_home
from pipelines.commands.index import verify_index


def day(context: click.Context, option: click.Parameter, text: str | None) -> date | None:
    """Return the day of an option, or refuse it in one line."""
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise Refused(f"{option.opts[0]} {text!r} is no day; give YYYY-MM-DD") from error


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
@click.option("--again", is_flag=True, help="Ask for what is filed already, to record corrections.")
@click.option("--reparse", is_flag=True, help="Ask nobody: read what is kept with a mended parser.")
@click.option("--no-build", is_flag=True, help="File only; the next run builds.")
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
    """Read what SOURCES said in the past, as far as somebody kept it, and build.

    Prices stand at the time of the material and are known since today. Stopped half way, the same
    command goes on where it was; twice is once.

    \b
    truecost backfill gpu_pricing_tracker cloud_gpus
    truecost backfill gcp_pricing_yml --every month --since 2022-01-01
    """
    from pipelines.backfill import NoHistoryError, refile
    from pipelines.backfill import backfill as file_past
    from pipelines.http import FetchError
    from pipelines.parse import parse_captures, pending_captures
    from pipelines.sources import all_sources
    from pipelines.sources.base import ParseError

    known = all_sources()
    if not sources:
        raise Refused(f"name a source whose past is kept, such as {', '.join(with_past(known))}")
    known_sources(sources)
    mirror = None if reparse else answering_mirror(mirror)
    home = usable_home(is_built=not no_build)
    recorded_at = datetime.now(UTC)
    failures = []
    for name in sources if reparse else ():
        filed = refile(known[name], home=home, recorded_at=recorded_at)
        parse_captures(home, pending_captures(home, [name]))
        click.echo(f"{name}: {filed} captures of an older parser read again")
    for name in () if reparse else sources:
        with click.progressbar(
            length=1, label=f"{name:24}", file=click.get_text_stream("stderr")
        ) as bar:

            def show(done: int, total: int, at: datetime, bar: Any = bar) -> None:
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
                    progress=show,
                )
            except NoHistoryError as error:
                raise Refused(str(error)) from error
            except (FetchError, ParseError) as error:
                failures.append(f"{name}: {error}")
                continue
        read = parse_captures(home, pending_captures(home, [name]))
        click.echo(line(result, sum(one.rows_kept for one in read)))
        failures += sorted({one.error for one in read if one.error and one.status == "failed"})[:3]
    for failure in failures:
        click.echo(f"truecost backfill: {failure}", err=True)
    if not no_build:
        build(home)
    if failures:
        raise SystemExit(1)


def line(result: Any, rows: int) -> str:
    """Return what came of one source in one line."""
    span = f", {result.first:%Y-%m-%d} to {result.last:%Y-%m-%d}" if result.first else ""
    failed = f", {result.failed} failed" if result.failed else ""
    return (
        f"{result.source_id}: {result.filed} days filed{span}, {rows} rows;"
        f" {result.known} filed before{failed}"
    )


def with_past(known: dict[str, Any]) -> list[str]:
    """Return the sources whose module says how to read their past."""
    import importlib

    modules = {name: importlib.import_module(f"pipelines.sources.{name}") for name in known}
    return [
        name for name, module in modules.items()
        if hasattr(module, "moments") or hasattr(module, "versions")
    ] + ["cloud_gpus", "gcp_pricing_yml", "gpu_rental_prices"]  # fmt: skip


def build(home: Any) -> None:
    """Run the build job on what is filed, as ``truecost run --offline`` does."""
    from pipelines import jobs
    from warehouse.database import DataFolderError, exclusive

    jobs.prepare_instance(home)
    try:
        with exclusive(home, "build"):
            succeeded, error = jobs.run_job("build", {"home": str(home.root)})
    except DataFolderError as error_of_lock:
        raise Refused(str(error_of_lock)) from error_of_lock
    if not succeeded:
        raise click.ClickException(f"build failed: {error}")


@click.command()
@click.option("--parse", "is_parsed_again", is_flag=True, help="Also read all payloads again.")
def rebuild(is_parsed_again: bool) -> None:
    """Make the warehouse again from landing, publish it, and say whether it is the same.

    The file that stands is kept aside until the new one is published; a run after a rebuild that
    was killed goes on with it.
    """
    from warehouse.database import DataFolderError, exclusive
    from warehouse.paths import Home

    home = Home.from_environment()
    try:
        with exclusive(home, "build"):
            make_again(home, is_parsed_again)
    except DataFolderError as error:
        raise Refused(str(error)) from error


def make_again(home: Any, is_parsed_again: bool) -> None:
    """Make the build file again, and put the one before in its place if that fails."""
    import shutil
    import time

    from pipelines.landing import Landing
    from pipelines.parse import parse_captures, pending_captures
    from warehouse.database import DataFolderError, open_build, put_back

    started = time.monotonic()
    damaged = list(Landing(home).damaged())
    if damaged:
        more = f" ({len(damaged) - 1} more: truecost verify)" if len(damaged) > 1 else ""
        raise Refused(f"{damaged[0]}{more}; what was read in it before would be lost")
    try:
        with open_build(home, wait_seconds=5) as connection:
            before = fingerprints(connection)
            connection.execute("checkpoint")
            home.build_database.rename(home.build_before)
        if is_parsed_again and home.observations.exists():
            shutil.rmtree(home.observations)
        parse_captures(home, pending_captures(home, Landing(home).sources()))
        with open_build(home) as connection:
            carry_over(connection, home.build_before)
        build(home)
    except (DataFolderError, click.ClickException) as error:
        if home.build_before.exists():
            put_back(home)
        raise Refused(str(error)) from error
    with open_build(home) as connection:
        after = fingerprints(connection)
        lost = lost_decisions(connection)
    home.build_before.unlink(missing_ok=True)
    for table in sorted(before | after):
        rows, _ = after.get(table, (0, None))
        is_same = before.get(table) == after.get(table)
        click.echo(f"{table}: {rows} rows, {'as before' if is_same else 'not as before'}")
    if lost:
        click.echo(f"{lost} decisions in meta.quarantine_audit are of what is no longer held")
    click.echo(f"Rebuilt in {time.monotonic() - started:.1f} s.")


def carry_over(connection: Any, before: Any) -> None:
    """Keep what cannot be made from landing: the index as published, what people decided."""
    from warehouse.models import quote

    connection.execute(f"attach {quote(str(before))} as before (read_only)")
    for table in ("marts.gpu_price_index_revision", "meta.quarantine_audit"):
        holders = connection.execute(
            "select database_name from duckdb_tables() where schema_name || '.' || table_name = ?",
            [table],
        ).fetchall()
        if holders == [("before",)]:
            connection.execute(f"create table {table} as from before.{table}")
    connection.execute("detach before")


def lost_decisions(connection: Any) -> int:
    """Return how many decisions are of an entry that is not in quarantine any more."""
    found: int = connection.execute(
        "select count(distinct held_id) from meta.quarantine_audit"
        " anti join meta.quarantine using (held_id)"
    ).fetchall()[0][0]
    return found


def fingerprints(connection: Any) -> dict[str, tuple[int, int]]:
    """Return rows and a hash, whatever their order, of the tables that hold the history."""
    from warehouse.history import API_PRICE, OFFER
    from warehouse.models import table_exists

    found = {}
    for entity in (OFFER, API_PRICE):
        view = f"core.{entity.view}"
        if table_exists(connection, view):
            columns = ", ".join(entity.columns)
            found[view] = connection.execute(
                f"select count(*), coalesce(sum(hash({columns})), 0) from {view}"
            ).fetchall()[0]
    return found


@click.group(invoke_without_command=True)
@click.option(
    "--rows",
    type=click.IntRange(0),
    default=50,
    show_default=True,
    help="Published prices to read again.",
)
@click.pass_context
def verify(context: click.Context, rows: int) -> None:
    """Check every payload and published file by its hash, and read some prices again.

    A sample of published prices is parsed anew from the bytes in landing, and the build file is
    compared with the run that was published from it. Ends with status 1 and one line for each
    thing that is wrong. `truecost verify index --day D` recomputes the index.
    """
    if context.invoked_subcommand:
        return
    import duckdb

    from pipelines.landing import Landing
    from pipelines.verification import wrong_prices
    from warehouse import publication
    from warehouse.database import (
        DataFolderError,
        PublishedDamagedError,
        is_damage,
        open_published,
        published_files,
    )
    from warehouse.paths import Home

    home = Home.from_environment()
    landing = Landing(home)
    wrong = [f"landing: {name}" for name in landing.damaged()]
    published = published_files(home)
    for path in published:
        wrong += [f"published: {what}" for what in publication.damage(path)]
    checked = 0
    try:
        with open_published(home) as connection:
            checked, differences = wrong_prices(connection, landing, rows)
            wrong += differences
    except PublishedDamagedError as error:
        wrong.append(f"published: {error}")
    except DataFolderError as error:
        raise Refused(str(error)) from error
    except duckdb.Error as error:
        if not is_damage(error):
            raise
        wrong.append(f"published: {' '.join(str(error).split())}")
    try:
        wrong += publication.build_damage(home)
    except DataFolderError as error:
        click.echo(f"truecost verify: {error}: not looked into", err=True)
    click.echo(f"{len(published)} published runs, {checked} prices read again, {len(wrong)} wrong.")
    for one in wrong:
        click.echo(f"truecost verify: {one}", err=True)
    if wrong:
        raise SystemExit(1)


verify.add_command(verify_index, "index")


@click.command()
@click.argument("run_id", required=False)
def restore(run_id: str | None) -> None:
    """Put a published run back: the newest whole one, or RUN_ID.

    What was captured after it is in landing still; the next run merges it again.
    """
    from warehouse import publication
    from warehouse.database import DataFolderError
    from warehouse.paths import Home

    try:
        path = publication.restore(Home.from_environment(), run_id)
    except DataFolderError as error:
        raise Refused(str(error)) from error
    click.echo(f"Restored {path.name}; truecost run brings it up to date.")

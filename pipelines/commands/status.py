"""``truecost status``: the last attempt of each source, and its error."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

import click

from pipelines.answers import status as answers
from pipelines.answers.alarm_notices import undelivered
from pipelines.answers.as_of import Past
from pipelines.answers.price_corrections import unmatched
from pipelines.capture import MIRROR_VARIABLE
from pipelines.capture.http.environment import trusted_places
from pipelines.commands import Refused
from pipelines.commands.answer import format_option, print_rows, print_sentence
from pipelines.commands.arguments import AtLeast
from pipelines.commands.opening import moment, past_options, published
from warehouse.paths import Home


@click.command()
@past_options
@click.option(
    "--max-age-hours",
    type=AtLeast(0),
    help="Exit with status 1 if nothing was published for so many hours: for a monitor, because a"
    " scheduler cannot report that it stopped.",
)
@click.option(
    "--check",
    "is_check",
    is_flag=True,
    help="Print only what needs someone, one line each, and exit with status 1 if anything does.",
)
@click.option(
    "--disagreements", is_flag=True, help="Instead: prices that several sources tell differently."
)
@format_option
def status(
    past: Past | None,
    max_age_hours: int | None,
    is_check: bool,
    disagreements: bool,
    output: str | None,
) -> None:
    """Print each source: status, age, rows kept and held, and the error of the last try.

    A source that fails keeps its last good rows. They are marked as stale after 72 hours (twice its
    cadence if that is longer). A feed, catalogue or file whose bytes or stated time stand still is
    frozen: its prices are as old as what it last changed.
    """
    if is_check:
        check(past, max_age_hours, output)
        return
    with published(past) as connection:
        if disagreements:
            found, what = answers.disagreements(connection), "prices of several sources"
        else:
            found, what = answers.status(connection), "sources"
        print_rows(found.columns, found.rows, output, f"{what}, {moment(connection, past)}")
        built = answers.published_at(connection)
        without_offer = unmatched(connection)
    age_hours = (datetime.now(UTC) - built.replace(tzinfo=UTC)) / timedelta(hours=1)
    if output in (None, "table"):
        print_sentence(f"Published {built:%Y-%m-%d %H:%M}Z, {age_hours:.0f} hours ago.")
        for line in without_offer:
            print_sentence(f"Correction that no offer has: {line}.")
        for line in trusted_places(os.environ, os.environ.get(MIRROR_VARIABLE)):
            print_sentence(f"Trusted by your choice: {line}.")
        for line in undelivered(Home.from_environment()):
            print_sentence(f"Alarm not delivered: {line}.")
    if max_age_hours is not None and age_hours > max_age_hours:
        click.echo(f"truecost status: nothing was published for {age_hours:.0f} hours", err=True)
        raise SystemExit(1)


def check(past: Past | None, max_age_hours: int | None, output: str | None) -> None:
    """Print what needs someone now; exit with status 1 if anything does."""
    from pipelines.answers.alarm_notices import current

    if past is not None or max_age_hours is not None or output not in (None, "table"):
        raise Refused("--check is about now and prints lines: give it alone")
    home = Home.from_environment()
    lines = [one.line for one in current(home, datetime.now(UTC).replace(tzinfo=None))]
    lines += [f"alarm not delivered: {one}" for one in undelivered(home)]
    for line in lines:
        click.echo(line)
    if lines:
        raise SystemExit(1)

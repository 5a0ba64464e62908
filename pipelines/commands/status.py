"""``truecost status``: each source's last answer, and what is wrong."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from pipelines.commands.answer import format_option, print_rows
from pipelines.commands.published import moment, past_options, published
from pipelines.past import Past


@click.command()
@past_options
@click.option(
    "--max-age-hours",
    type=click.IntRange(0),
    help="End with status 1 where nothing was published for so long: for a monitor, as a"
    " scheduler cannot report its own end.",
)
@format_option
def status(past: Past | None, max_age_hours: int | None, output: str | None) -> None:
    """Print each source: status, age, rows kept and held, and the error of the last try.

    A source that fails keeps its last good rows; they are marked stale after 30 hours and leave
    the daily values after 72.
    """
    with published(past) as connection:
        answer = connection.execute(
            """
            select source_id, status, observed_at, round(age_hours, 1) as age_hours, rows_kept,
                rows_held, rows_duplicate, bytes, error_class, error
            from meta.source_status
            qualify row_number() over (partition by source_id order by tried_at desc) = 1
            order by source_id
            """
        )
        columns = [column[0] for column in answer.description or []]
        print_rows(columns, answer.fetchall(), output, f"sources, {moment(connection, past)}")
        [(built,)] = connection.execute(
            "select max(finished_at) from meta.run where status = 'published'"
        ).fetchall()
    age_hours = (datetime.now(UTC) - built.replace(tzinfo=UTC)).total_seconds() / 3600
    if output in (None, "table"):
        click.echo(f"Published {built:%Y-%m-%d %H:%M}Z, {age_hours:.0f} hours ago.")
    if max_age_hours is not None and age_hours > max_age_hours:
        click.echo(f"truecost status: nothing was published for {age_hours:.0f} hours", err=True)
        raise SystemExit(1)

"""``truecost quarantine``: rows and batches that rules hold, and deciding about them."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from pipelines.answers.status import held
from pipelines.commands import Refused
from pipelines.commands.answer import format_option, print_rows
from pipelines.commands.arguments import AtLeast
from pipelines.commands.opening import published


@click.group()
def quarantine() -> None:
    """List, accept or reject what rules hold: rows, and whole batches of a source."""


@quarantine.command("list")
@click.option("--source", help="Only this source.")
@click.option("--rule", help="Only this rule.")
@click.option("--state", type=click.Choice(["held", "accepted", "rejected"]), default="held")
@click.option("--summary", is_flag=True, help="Count by source and rule instead.")
@click.option("--limit", type=AtLeast(1), default=40, show_default=True)
@format_option
def list_held(
    source: str | None,
    rule: str | None,
    state: str,
    summary: bool,
    limit: int,
    output: str | None,
) -> None:
    """Print what is held: batches before rows, newest first."""
    with published(is_dated=False) as connection:
        found = held(
            connection,
            state=state,
            source_id=source,
            rule=rule,
            is_summary=summary,
            row_limit=limit,
        )
    if output in (None, "table"):
        found = found.without({"row_json"})
    print_rows(found.columns, found.rows, output)


@quarantine.command()
@click.argument("held_id")
@click.option("--reason", required=True, help="Why it is right; kept in meta.quarantine_audit.")
def accept(held_id: str, reason: str) -> None:
    """Accept the entry HELD_ID (its first letters are enough). It counts after the next build."""
    settle(held_id, "accepted", reason)


@quarantine.command()
@click.argument("held_id")
@click.option("--reason", required=True, help="Why it is wrong; kept in meta.quarantine_audit.")
def reject(held_id: str, reason: str) -> None:
    """Reject the entry HELD_ID (its first letters are enough). It stays in quarantine."""
    settle(held_id, "rejected", reason)


def settle(held_id: str, state: str, reason: str) -> None:
    """Write one decision into the build file, or refuse in one line."""
    from warehouse import quality
    from warehouse.database import DataFolderError, exclusive, open_build
    from warehouse.paths import Home

    home = Home.from_environment()
    if not home.build_database.exists():
        raise Refused(f"nothing is built in {home.root}; truecost run")
    try:
        with exclusive(home, "build"), open_build(home) as connection:
            now = datetime.now(UTC).replace(tzinfo=None)
            found = quality.decide(connection, held_id, state, reason, now)
    except DataFolderError as error:
        raise Refused(str(error)) from error
    if found == 0:
        raise Refused(f"nothing is held under {held_id!r}; truecost quarantine list")
    if found > 1:
        raise Refused(f"{found} entries begin with {held_id!r}; give more letters")
    click.echo(f"{state}: {held_id}. truecost run --offline builds with it.")

"""``truecost quarantine``: what was kept out, why, and letting it in or refusing it for good."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from pipelines.commands import Refused
from pipelines.commands.answer import format_option, print_rows
from pipelines.commands.published import published


@click.group()
def quarantine() -> None:
    """List, accept or reject what was held: rows, and whole batches of a source."""


@quarantine.command("list")
@click.option("--source", help="Only this source.")
@click.option("--rule", help="Only this rule.")
@click.option("--state", type=click.Choice(["held", "accepted", "rejected"]), default="held")
@click.option("--summary", is_flag=True, help="Count by source and rule instead.")
@click.option("--limit", type=click.IntRange(1), default=40, show_default=True)
@format_option
def list_held(
    source: str | None,
    rule: str | None,
    state: str,
    summary: bool,
    limit: int,
    output: str | None,
) -> None:
    """Print what is held, newest first, batches before rows."""
    given = {"state = ?": state, "source_id = ?": source, "rule = ?": rule}
    conditions = {text: value for text, value in given.items() if value is not None}
    where = " and ".join(conditions)
    query = (
        "select source_id, scope, rule, count(*) as held, max(captured_at) as newest,"
        f" any_value(reason) as example from meta.quarantine where {where}"
        " group by all order by scope, held desc limit ?"
        if summary
        else "select held_id[:12] as id, source_id, scope, rule, reason, captured_at,"
        f" payload_sha256[:12] as payload, row_json from meta.quarantine where {where}"
        " order by scope, captured_at desc, source_id, rule limit ?"
    )
    with published() as connection:
        answer = connection.execute(query, [*conditions.values(), limit])
        columns = [column[0] for column in answer.description or []]
        rows = answer.fetchall()
    if output in (None, "table") and not summary:
        columns, rows = columns[:-1], [row[:-1] for row in rows]
    print_rows(columns, rows, output)


@quarantine.command()
@click.argument("held_id")
@click.option("--reason", required=True, help="Why it is right; kept in meta.quarantine_audit.")
def accept(held_id: str, reason: str) -> None:
    """Let in what is held under HELD_ID (its first letters do); counts after the next build."""
    settle(held_id, "accepted", reason)


@quarantine.command()
@click.argument("held_id")
@click.option("--reason", required=True, help="Why it is wrong; kept in meta.quarantine_audit.")
def reject(held_id: str, reason: str) -> None:
    """Refuse for good what is held under HELD_ID; it stays in quarantine, as rejected."""
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

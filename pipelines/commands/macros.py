"""``truecost macros``: the macros of the published file, for a session that has attached it."""

from __future__ import annotations

import click


@click.command()
@click.option(
    "--attached-as",
    "database",
    default="tc",
    show_default=True,
    help="The name under which the file is attached.",
)
def macros(database: str) -> None:
    """Print SQL that makes the macros of the published file work in a session that attached it.

    Tables and views of an attached file work as they are: from tc.marts.offers_latest. A macro over
    tables looks for them in the database in use. Either `use tc` comes first, or these statements
    are run once in the session: they name the file in each macro, and write nothing into it.

    \b
    truecost macros --attached-as prices
    """
    from warehouse.macros import read_macros

    for macro in read_macros():
        click.echo(f"-- {macro.meaning}\n{macro.qualified(database)};\n")

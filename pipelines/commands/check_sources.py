"""``truecost check-sources``: what every source answers today, against its recorded shape.

Asking and comparing belong to ``answers.check_sources``; the data folder is not touched.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from pathlib import Path

import click

from pipelines.commands import Refused
from pipelines.commands.answer import print_table
from pipelines.commands.arguments import answering_mirror
from pipelines.commands.opening import one_of
from pipelines.commands.targets import force_option, new_target, refuse_existing
from pipelines.sources import all_sources
from pipelines.sources.base import Source
from pipelines.sources.fixtures import FixtureError
from pipelines.text import one_line

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("check-sources")
@click.option("--source", "names", multiple=True, help="Only this source, on or off; repeatable.")
@click.option("--mirror", help="Ask MIRROR/HOST/PATH instead.")
@click.option(
    "--fixtures", type=FOLDER, help="Read saved answers, FOLDER/SOURCE, in place of asking."
)
@click.option("--markdown", "markdown_file", type=FILE, help="Write the report as Markdown, too.")
@force_option
@click.option(
    "--record", "is_recorded", is_flag=True, help="Make today's answers the recorded ones."
)
@click.option("--json", "is_json", is_flag=True, help="Print the verdicts as JSON.")
def check_sources(
    names: tuple[str, ...],
    mirror: str | None,
    fixtures: Path | None,
    markdown_file: Path | None,
    force: bool,
    is_recorded: bool,
    is_json: bool,
) -> None:
    """Ask every source, and compare the shape of each answer with the recorded one.

    \b
    unchanged    the same fields, types, words, currencies and known GPUs
    grown        more than before: a field, a word, a field that may be null
    drifted      less or other than before: look at it before its prices are wrong
    unreachable  no answer: no connection, no time, a server error, not on the mirror
    refused      the server says no: 401, 403, 429, robots.txt, a consent page
    broken       no price can be read: the parser fails, or the address is gone

    A source has the worst verdict of its requests. Ends with status 1 if any is broken. Nothing
    is kept; --record writes the recorded shapes (pipelines/sources/shapes) in place of comparing.

    \b
    truecost check-sources --markdown drift.md
    truecost check-sources --source runpod --source aws --json
    truecost check-sources --record --source acme --fixtures tests/fixtures/sources
    """
    from pipelines.answers import check_sources as answer

    if mirror and fixtures:
        raise Refused("--mirror and --fixtures: give one of them")
    if is_recorded and (markdown_file or is_json):
        raise Refused("--record compares nothing: it goes with neither --markdown nor --json")
    if markdown_file:
        refuse_existing(markdown_file, force)
    known = all_sources()
    chosen = [known[one_of("source", name, known)] for name in names] or enabled(known.values())
    asked = None if fixtures else answering_mirror(mirror)
    try:
        if is_recorded:
            written = answer.record(chosen, mirror=asked, fixtures=fixtures)
            click.echo(f"recorded {len(written)} of {len(chosen)}: {', '.join(written)}")
            return
        found = answer.check(chosen, mirror=asked, fixtures=fixtures)
    except FixtureError as error:
        raise Refused(str(error)) from None
    if markdown_file:
        where = "saved answers" if fixtures else asked or "the sources"
        with new_target(markdown_file, force) as file:
            file.write(answer.as_markdown(found, where).encode())
    if is_json:
        click.echo(json.dumps([dataclasses.asdict(one) for one in found], indent=1))
    else:
        print_table(
            ("source", "verdict", "rows_read", "rows_kept", "worst difference"),
            [
                (one.source_id, one.verdict, one.rows_read, one.rows_kept, _worst(one.changes))
                for one in found
            ],
        )
    if any(one.verdict == "broken" for one in found):
        raise click.exceptions.Exit(1)


def enabled(sources: Iterable[Source]) -> list[Source]:
    """Return the sources that a run asks, those without their key left out later."""
    return [one for one in sources if not one.disabled_reason]


def _worst(changes: list[dict[str, str]]) -> str:
    """Return the worst difference, and how many more there are."""
    if not changes:
        return ""
    more = f" (+{len(changes) - 1})" if len(changes) > 1 else ""
    return one_line(changes[0]["text"])[:100] + more

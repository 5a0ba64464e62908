"""``truecost site``: write the pages from the published file."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import click

from pipelines.commands import Refused
from warehouse.database import DataFolderError
from warehouse.paths import Home


@click.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="The folder to write; the site folder of the data folder where not given.",
)
@click.option("--as-of", "as_of_text", metavar="DAY", help="Show the prices of this past day.")
@click.option(
    "--known-on",
    "known_on_text",
    metavar="DAY",
    help="With only what was known at the end of this day; the day of --as-of where not given.",
)
def site(out: Path | None, as_of_text: str | None, known_on_text: str | None) -> None:
    """Write the site: static pages that open from disk and ask nobody for anything.

    \b
    truecost site
    truecost site --out public
    truecost site --as-of 2026-08-01 --known-on 2026-08-02 --out august
    """
    as_of = day("--as-of", as_of_text)
    known_on = day("--known-on", known_on_text)
    if known_on is not None and as_of is None:
        raise Refused("--known-on needs --as-of DAY; give both")
    from pipelines.site.build import NotASiteFolderError, build_site
    from pipelines.site.past import Past

    past = Past(as_of, known_on or as_of) if as_of is not None else None
    try:
        report = build_site(Home.from_environment(), out, past=past)
    except (DataFolderError, NotASiteFolderError) as error:
        raise Refused(str(error)) from error
    click.echo(
        f"{report.page_count} pages, {report.bytes / 1e6:.1f} MB, in {report.seconds:.1f} s;"
        f" heaviest with its scripts: {report.heaviest_page},"
        f" {report.heaviest_page_bytes / 1e6:.2f} MB"
    )
    click.echo(f"Open {report.folder / 'index.html'}")


def day(option: str, text: str | None) -> date | None:
    """Return the day that an option names, or refuse it in one line."""
    if text is None:
        return None
    try:
        named = date.fromisoformat(text)
    except ValueError as error:
        raise Refused(f"{option} {text!r} is no day; give one such as 2026-08-01") from error
    if named > datetime.now(UTC).date():
        raise Refused(f"{option} {text} is in the future; give a past day")
    return named

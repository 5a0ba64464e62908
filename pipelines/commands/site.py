"""``truecost site``: write the pages from the published file.

Imports the site inside the command, because its charts and scripts take seconds to import.
"""

from __future__ import annotations

from pathlib import Path

import click

from pipelines.answers.as_of import Past
from pipelines.commands import Refused
from pipelines.commands.opening import past_options, published
from warehouse.database import DataFolderError, exclusive
from warehouse.paths import Home


@click.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="The folder to write; the site folder of the data folder where not given.",
)
@past_options
def site(out: Path | None, past: Past | None) -> None:
    """Write the site: static pages that open from disk and need no network.

    \b
    truecost site
    truecost site --out public
    truecost site --as-of 2026-08-01 --known-on 2026-08-02 --out august
    """
    from pipelines.site.build import NotASiteFolderError, build_site

    with published(past):
        pass  # refuse bad options and a missing file before any page is written
    home = Home.from_environment()
    try:
        with exclusive(home, "site"):
            report = build_site(home, out, past=past)
    except (DataFolderError, NotASiteFolderError) as error:
        raise Refused(str(error)) from error
    click.echo(
        f"{report.page_count} pages, {report.bytes / 1e6:.1f} MB, in {report.seconds:.1f} s;"
        f" heaviest with its scripts: {report.heaviest_page},"
        f" {report.heaviest_page_bytes / 1e3:.0f} kB compressed"
    )
    click.echo(f"Open {report.folder / 'index.html'}")
